#!/bin/sh
# Health of a web or websocket container: its health path, or / where the application has none (404).
# status SECONDS PORT PATH
status() { curl --silent --output /dev/null --max-time "$1" --write-out '%{http_code}' "http://127.0.0.1:$2$3"; }
# A request that came too early is not answered any more (28: no answer in time), a later one is. All of them stay below the check's
# ten seconds.
for seconds in 0.5 1 1 5; do
  code=$(status "$seconds" "$1" "$2")
  [ "$?" = 28 ] || break
done
[ "$code" != 404 ] || code=$(status 2 "$1" /)
echo "GET $2: HTTP $code"
[ "$code" -ge 200 ] && [ "$code" -lt 400 ]
