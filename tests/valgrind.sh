#!/usr/bin/env bash
# Three nodes under valgrind meet, a person talks to one of them well and badly, a listener goes away, and all stop. One
# of them finds a damaged address book, saves another, and reads its settings again meanwhile. Fails on any error, on
# memory that is still held at the exit, and on a descriptor that is left open. With SECRET=1 it is a private network, in
# which the person's TLS is OpenSSL's; then an outsider without TLS is turned away too, and the secret is exchanged.
# kith, the program beside KITHD, asks one of the nodes under valgrind as well.
# Usage: valgrind.sh KITHD FOLDER
set -eu
kithd=$1
kith=$(dirname "$1")/kith
folder=$2
deadline_s=60

command -v valgrind >/dev/null || {
	echo "valgrind is not installed: make deps-dev installs it" >&2
	exit 1
}
mkdir -p "$folder"
rm -rf "${folder:?}"/*
pids=()
asked=()
failed=0
# The path of a socket has room for 107 bytes.
sockets=$(mktemp -d)
private=()
if [ -n "${SECRET:-}" ]; then
	(umask 077 && "$kithd" --new-secret >"$folder/secret")
	secret=$(cat "$folder/secret")
	identity=$(printf 'kith psk identity' | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$secret" -r | cut -c 1-32)
	private=(-o "secret_file=$(realpath "$folder")/secret")
fi
clean_up() {
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	rm -rf "$sockets"
}
trap clean_up EXIT

# wait_for FILE PATTERN COUNT: until so many lines of the file match.
wait_for() {
	local until=$((SECONDS + deadline_s)) count
	# The file may not be there yet.
	while count=$(grep -c -e "$2" "$1" 2>/dev/null || true) && [ "${count:-0}" -lt "$3" ]; do
		if [ $SECONDS -ge $until ]; then
			echo "$1 has no $3 lines with \"$2\" after $deadline_s s:" >&2
			cat "$1" >&2
			exit 1
		fi
		sleep 0.1
	done
}

# under_valgrind NAME COMMAND...: what it finds is in NAME.valgrind then.
under_valgrind() {
	local name=$1
	shift
	exec valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all \
		--track-fds=yes --log-file="$folder/$name.valgrind" "$@"
}

# start NAME OPTIONS...: a node under valgrind; its port is in the variable port then.
start() {
	local name=$1
	shift
	# With the first variable the node doesn't begin again, without valgrind. A library that is loaded later leaves
	# memory of the loader's own, so a private node has GnuTLS from the start.
	GLIBC_TUNABLES='' LD_PRELOAD=${SECRET:+libgnutls.so.30} under_valgrind "$name" \
		"$kithd" -l 127.0.0.1:0 -o "name=$name" -o "control=$sockets/$name" -o handshake_timeout=60 -o connect_timeout=60 "${private[@]}" "$@" \
		>"$folder/$name.out" 2>"$folder/$name.log" &
	pids+=($!)
	wait_for "$folder/$name.log" 'listening on' 1
	port=$(sed -n 's/.*listening on 127\.0\.0\.1://p' "$folder/$name.log")
}

# say_plainly PORT LINE...: sends the lines, and reads what comes until the far end closes.
say_plainly() {
	exec 3<>"/dev/tcp/127.0.0.1/$1"
	shift
	printf '%s\n' "$@" >&3
	cat <&3 >/dev/null
	exec 3>&-
}

# The same over TLS where the network is private. OpenSSL waits for the far end to close only while more may come.
say() {
	if [ -z "${SECRET:-}" ]; then
		say_plainly "$@"
		return
	fi
	local to=127.0.0.1:$1 output=$folder/openssl.out
	shift
	: >"$output"
	{
		printf '%s\n' "$@"
		wait_for "$output" '"bye"\|^closed$' 1
	} | {
		openssl s_client -connect "$to" -tls1_3 -quiet -psk "$secret" -psk_identity "$identity" >>"$output" 2>/dev/null
		echo closed >>"$output"
	}
}

# ask NAME EXIT_STATUS COMMAND...: kith asks alpha.
ask() {
	local name=$1 expected=$2 status=0
	shift 2
	asked+=("$name")
	(under_valgrind "$name" "$kith" -s "$sockets/alpha" "$@") >"$folder/$name.out" 2>"$folder/$name.log" || status=$?
	if [ $status != "$expected" ]; then
		echo "kith $* ended with $status:" >&2
		cat "$folder/$name.log" >&2
		failed=$((failed + 1))
	fi
}

mkdir "$folder/state"
printf '{"format":"kith addresses","version":1,\n"addresses":[\n{"address":"127.0.0.1:3","kind":"tried"},\n{"addr' \
	>"$folder/state/addresses.json"
: >"$folder/alpha.conf"
start alpha -c "$folder/alpha.conf" -o "state_dir=$(realpath "$folder")/state" -o nodeid=keep -o save_interval=0.1
alpha=$port
start beta -b "127.0.0.1:$alpha"
start gamma -b "127.0.0.1:$alpha" -b 127.0.0.1:1 -b localhost:"$port" -b no-such-host.invalid
for name in alpha beta gamma; do
	wait_for "$folder/$name.log" 'ready after' 2
done
hello='{"msgtype":"hello","nodeid":"00000000-0000-4000-8000-000000000001"}'
say "$alpha" "$hello" '{"msgtype":"ping"}' '{"msgtype":"getaddr"}' \
	'{"msgtype":"addr","peers":["127.0.0.1:2",["127.1.2.3:4","00000000-0000-4000-8000-000000000002"]]}' \
	'{"msgtype":"bye","reason":"shutdown"}'
say "$alpha" "$hello" 'this is not JSON'
say "$alpha" '{"msgtype":"hello","nodeid":"00000000-0000-4000-8000-000000000003","network":"other"}'
say "$alpha" '{"msgtype":"addr","peers":[1]}'
echo 'max_outbound = 7; bootstrap = ["127.0.0.1:4"]; name = "other";' >"$folder/alpha.conf"
kill -HUP "${pids[0]}"
wait_for "$folder/alpha.log" 'max_outbound: 64 is now 7' 1
if [ -n "${SECRET:-}" ]; then
	say_plainly "$alpha" "$hello"
	"$kithd" --new-secret >>"$folder/secret"
	kill -HUP "${pids[0]}"
	wait_for "$folder/alpha.log" 'also accepts' 1
fi
kill -USR1 "${pids[0]}"
wait_for "$folder/alpha.out" '# end' 1

ask kith-status 0
ask kith-peers 0 peers
ask kith-why 0 why beta
ask kith-metrics 0 metrics --peers 1
ask kith-no 1 ping nobody
(under_valgrind kith-on "$kith" -s "$sockets/alpha" on up --initial --cursor "$folder/cursor" -- echo) \
	>"$folder/kith-on.out" 2>"$folder/kith-on.log" &
pids+=($!)
asked+=(kith-on)
wait_for "$folder/kith-on.out" '^$' 2
kill -TERM "${pids[3]}"
wait "${pids[3]}" || failed=$((failed + 1))

for i in 0 1 2; do
	kill -TERM "${pids[$i]}"
	wait "${pids[$i]}" || failed=$((failed + 1))
done
# Without an error or a leak valgrind writes of nothing but the descriptors that its parent handed down.
findings() {
	awk '{ sub(/^==[0-9]+== ?/, "") }
		/^$/ || /^FILE DESCRIPTORS:/ { next }
		/^Open (file descriptor|AF_)/ { opened = $0; next }
		/<inherited from parent>/ { opened = ""; next }
		{ if (opened != "") print opened; opened = ""; print }
		END { if (opened != "") print opened }' "$1"
}
for name in alpha beta gamma "${asked[@]}"; do
	if [ -n "$(findings "$folder/$name.valgrind")" ]; then
		echo "valgrind on $name:" >&2
		findings "$folder/$name.valgrind" >&2
		failed=$((failed + 1))
	fi
done
if [ $failed != 0 ]; then
	echo "valgrind: 0 passed, $failed failed"
	exit 1
fi
echo "valgrind: $((3 + ${#asked[@]})) passed, 0 failed"
