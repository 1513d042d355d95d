#!/bin/sh
# Two files from httpd over one connection, and what the server says of it.
. docs/programs/start_httpd
# [served]
curl -s "http://$site/" "http://$site/style.css" >/dev/null
until_told '^close'
grep -E '^(accept|recv|answer|send|close)' "$scratch/log" | sed 's/\.1:[0-9]*/.1:PORT/'
# [/served]
