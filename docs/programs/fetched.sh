#!/bin/sh
# One page from httpd, a real server, and what its loop does meanwhile. How long it slept
# is left out: it differs each time.
. docs/programs/start_httpd
curl -s "http://$site/" >/dev/null
until_told '^close'
sed -n '/^wait/,$p' "$scratch/log" | grep -v '^ *epoll: \|^ *register\|^deregister' | sed '
    s/127\.0\.0\.1:[0-9]*/127.0.0.1:PORT/
    s/, up to [0-9.]*s/, ten seconds at most/
    s/epoll_wait slept for [0-9.]*[^ :]*:/epoll_wait returns with/
    /^close/q'
