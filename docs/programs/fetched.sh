#!/bin/sh
# One page from httpd, a real server, and what its loop does meanwhile. How long it slept
# is left out: it differs each time.
log=$(mktemp)
cargo run --quiet -p waitset-examples --example httpd -- \
    --explain --reactor epoll --addr 127.0.0.1:0 >"$log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -f "$log"' EXIT
tries=0
until site=$(grep -o 'listening on [0-9.:]*' "$log" | cut -d' ' -f3) && [ -n "$site" ]; do
    tries=$((tries + 1))
    [ $tries -lt 3000 ] || exit 1 # five minutes, to compile it
    sleep 0.1
done
curl -s "http://$site/" >/dev/null
until grep -q '^close' "$log"; do
    tries=$((tries + 1))
    [ $tries -lt 3100 ] || exit 1
    sleep 0.1
done
sed -n '/^wait/,$p' "$log" | grep -v '^ *epoll: \|^ *register\|^deregister' | sed '
    s/127\.0\.0\.1:[0-9]*/127.0.0.1:PORT/
    s/, up to [0-9.]*s/, ten seconds at most/
    s/epoll_wait slept for [0-9.]*[^ :]*:/epoll_wait returns with/
    /^close/q'
