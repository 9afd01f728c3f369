#!/bin/sh
# Health of a web or websocket container: its health path, or / where the application has none (404).
# status SECONDS PORT PATH
status() { curl --silent --output /dev/null --max-time "$1" --write-out '%{http_code}' "http://127.0.0.1:$2$3"; }
# A request that came too early is not answered any more, a second one is. All of them stay below the check's ten seconds.
code=$(status 2 "$1" "$2")
[ "$code" != 000 ] || code=$(status 5 "$1" "$2")
[ "$code" != 404 ] || code=$(status 2 "$1" /)
echo "GET $2: HTTP $code"
[ "$code" -ge 200 ] && [ "$code" -lt 400 ]
