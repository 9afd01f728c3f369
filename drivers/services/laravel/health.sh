#!/bin/sh
# Health of a web or websocket container: its health path, or / where the application has none (404).
status() { curl --silent --output /dev/null --max-time 4 --write-out '%{http_code}' "http://127.0.0.1:$1$2"; }
code=$(status "$1" "$2")
[ "$code" != 404 ] || code=$(status "$1" /)
echo "GET $2: HTTP $code"
[ "$code" -ge 200 ] && [ "$code" -lt 400 ]
