#!/bin/sh
# One page from httpd to a real browser, Chromium without its window, and what the server
# says of it, one connection after the other: how their lines take turns, and the waits
# between them, differ each time.
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    { echo "Chromium is not installed"; exit; }
. docs/programs/start_httpd
[ "$(id -u)" = 0 ] && as_root=--no-sandbox # it refuses to run otherwise
"$browser" --headless $as_root --user-data-dir="$scratch/profile" \
    --dump-dom "http://$site/" >/dev/null 2>&1
until_told '^close.* 2:'
for number in 1 2; do
    grep -E "^(accept|recv|answer|send|close) .*connection $number\\b" "$scratch/log"
done | sed 's/\.1:[0-9]*/.1:PORT/'
