#!/bin/sh
# Four examples of waitset, one for each kind of socket: a stream that is echoed,
# datagrams that get lost, an echo asked of the kernel, and headers as a raw socket sees
# them.
cargo build --quiet -p waitset-examples \
    --example echo --example udp --example ping --example sniff || exit 1
examples=${CARGO_TARGET_DIR:-target}/debug/examples
log=$(mktemp -d)
running=
trap 'kill $running 2>/dev/null; rm -rf "$log"' EXIT

# until_told NAME PATTERN: waits until that example has said so, at most a minute.
until_told() {
    tries=0
    until grep -qs "$2" "$log/$1"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { cat "$log/$1" && exit 1; }
        sleep 0.1
    done
}

"$examples/echo" --addr 127.0.0.1:0 >"$log/echo" &
running="$running $!"
until_told echo 'listening on'
address=$(sed -n 's/listening on \([0-9.:]*\).*/\1/p' "$log/echo")
echo "echo: $(echo hello | "$examples/echo" --connect "$address" | tail -n 1)"

"$examples/udp" --addr 127.0.0.1:0 --burst 2000 >"$log/udp" &
running="$running $!"
until_told udp 'sent'
echo "udp: $(grep sent "$log/udp")"

"$examples/ping" --count 2 --interval-ms 100 | sed -n 's/^\(echo\|[0-9]* sent\)/ping: &/p'

"$examples/sniff" >"$log/sniff" 2>&1 &
running="$running $!"
until_told sniff 'sniffing\|CAP_NET_RAW\|permi'
if grep -q sniffing "$log/sniff"; then
    "$examples/udp" --addr 127.0.0.1:0 --burst 1 >/dev/null &
    running="$running $!"
    until_told sniff '^UDP'
fi
echo "sniff: $(grep -m 1 '^UDP\|CAP_NET_RAW\|permi' "$log/sniff" | sed 's/\.1:[0-9]*/.1:PORT/g')"
