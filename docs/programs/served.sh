#!/bin/sh
# Two files from httpd over one connection, and what the server says of it.
log=$(mktemp)
cargo run --quiet -p waitset-examples --example httpd -- --explain --addr 127.0.0.1:0 >"$log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -f "$log"' EXIT
# [served]
tries=0
until site=$(grep -o 'listening on [0-9.:]*' "$log" | cut -d' ' -f3) && [ -n "$site" ]; do
    tries=$((tries + 1))
    [ $tries -lt 3000 ] || exit 1 # five minutes, to compile it
    sleep 0.1
done
curl -s "http://$site/" "http://$site/style.css" >/dev/null
# [/served]
until grep -q '^close' "$log"; do
    tries=$((tries + 1))
    [ $tries -lt 3100 ] || exit 1
    sleep 0.1
done
grep -E '^(accept|recv|answer|send|close)' "$log" | sed 's/127\.0\.0\.1:[0-9]*/127.0.0.1:PORT/'
