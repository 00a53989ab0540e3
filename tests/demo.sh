#!/bin/bash
# Five nodes on this machine become a mesh, the connection of two is cut, and one of them dies. With SECRET=1 it is a
# private network, and one without its secret is turned away. As root it runs in a network namespace of its own, where
# the connection is cut. Without root, a process is stopped instead.
# Usage: bash tests/demo.sh [path of kithd] [path of kith]
# Every wait ends at a condition or at a deadline; nothing stays behind.

set -u

can_cut()
{
	local program
	for program in ip nft ss unshare; do
		command -v "$program" >/dev/null || return 1
	done
	[ "$(id -u)" -eq 0 ] && unshare --net true 2>/dev/null
}

if [ -n "${DEMO_INSIDE:-}" ]; then
	ip link set lo up || exit 1
elif can_cut; then
	DEMO_INSIDE=1 exec unshare --net -- bash "$0" "$@"
fi

kithd=${1:-build/kithd}
kith=${2:-build/kith}
deadline_ms=5000 # for each wait; a mesh of five needs a small part of it
directory=
declare -A pid address
names=()
private=() # options of the members of a private network

say() { printf '%s\n' "$*"; }

fail()
{
	say "demo: FAILED: $*" >&2
	for name in "${names[@]}"; do
		sed "s/^/    $name: /" "$directory/$name.log" | tail -n 10 >&2
	done
	exit 1
}

clean_up()
{
	trap '' INT TERM
	exec 2>/dev/null # where the shell would print who was killed
	for name in "${!pid[@]}"; do
		kill -KILL "${pid[$name]}" 2>/dev/null
	done
	wait 2>/dev/null
	[ -z "$directory" ] || rm -rf "$directory"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
directory=$(mktemp -d) || exit 1

now_ms() { local now=${EPOCHREALTIME/[.,]/}; echo $((now / 1000)); }

# until_true WHAT COMMAND...: runs the command every 0.1 s until it succeeds.
until_true()
{
	local what=$1 end=$(($(now_ms) + deadline_ms))
	shift
	until "$@"; do
		[ "$(now_ms)" -lt "$end" ] || fail "not within $((deadline_ms / 1000)) s: $what"
		sleep 0.1
	done
}

is_listening()
{
	kill -0 "${pid[$1]}" 2>/dev/null || fail "$1 did not start"
	address[$1]=$(sed -n 's/.* listening on //p' "$directory/$1.log" 2>/dev/null | head -n 1)
	[ -n "${address[$1]}" ]
}

# start NAME [OPTION...]: a node on a free port of 127.0.0.1, with its control socket and its log in a directory.
start()
{
	local name=$1
	shift
	"$kithd" -c /dev/null -l 127.0.0.1:0 -o "name=$name" -o "control=$directory/$name.sock" "${private[@]}" "$@" \
		</dev/null >/dev/null 2>>"$directory/$name.log" &
	pid[$name]=$!
	names+=("$name")
	until_true "$name says where it listens" is_listening "$name"
	say "$name listens on ${address[$name]}"
}

ask()
{
	local name=$1
	shift
	NO_COLOR=1 "$kith" -s "$directory/$name.sock" "$@" 2>>"$directory/$name.log"
}

# has_peers NAME N: the node has N peers, all ready, with their round trips.
has_peers()
{
	ask "$1" peers -r --noheadings -o state,rtt | awk -v wanted="$2" '
		$1 == "ready" && $2 != "-" { ready++ }
		END { exit !(ready + 0 == wanted && NR == wanted) }'
}

has() { ask "$1" peers -r --noheadings -o name | grep -qx "$2"; }
lacks() { ! has "$1" "$2"; }

# show NAME COMMAND...: the command, and what it prints.
show()
{
	local name=$1
	shift
	say "    \$ kith -n $name${*:+ $*}"
	ask "$name" "$@" | sed 's/^/    /'
}

for program in "$kithd" "$kith"; do
	[ -x "$program" ] || fail "there is no program $program: run make first"
done

if [ -n "${SECRET:-}" ]; then
	say "The network's secret goes into a file that every node gets: kithd --new-secret"
	(umask 077 && "$kithd" --new-secret >"$directory/secret") || fail "there is no secret"
	private=(-o "secret_file=$directory/secret")
	say
fi

say "Each node is a process of its own. The first one knows nobody:"
start alpha
count=0
for name in beta gamma delta epsilon; do
	count=$((count + 1))
	say
	if [ $count -eq 1 ]; then
		say "The second one is told one address, that of alpha: kithd -b ${address[alpha]}"
	elif [ $count -eq 2 ]; then
		say "The others too know of alpha alone, and find the rest through it:"
	fi
	start "$name" -b "${address[alpha]}"
	until_true "alpha has $count peers" has_peers alpha $count
	show alpha peers
done

say
say "Has everybody found everybody?"
count_dialled() { ask "$1" peers -r --noheadings -o dir | grep -cx "$2"; }
is_mesh()
{
	outbound=0
	for name in "${names[@]}"; do
		has_peers "$name" 4 || return 1
		outbound=$((outbound + $(count_dialled "$name" out)))
	done
	[ $outbound -eq 10 ]
}
until_true "5 nodes have 4 peers each, over 10 connections" is_mesh
for name in "${names[@]}"; do
	say "    $name has 4 peers: it dialled $(count_dialled "$name" out), and $(count_dialled "$name" in) dialled it"
done
say "Yes: 5 nodes are 10 pairs, and there are $outbound connections, one for each pair."

is_turned_away() { grep -q ' speaks TLS,' "$directory/stranger.log"; }
if [ -n "${SECRET:-}" ]; then
	say
	say "A stranger without the secret knows alpha's address too:"
	members=("${names[@]}")
	private=()
	start stranger -b "${address[alpha]}"
	until_true "the stranger is turned away" is_turned_away
	until_true "alpha says so" grep -q 'speaks plain text' "$directory/alpha.log"
	say "It is turned away, and both logs say why:"
	sed -n 's/^[^ ]* info *\(.* speaks TLS, .*\)/    stranger: \1/p' "$directory/stranger.log" | head -n 1
	sed -n 's/^[^ ]* warning *\(.* speaks plain text, .*\)/    alpha: \1/p' "$directory/alpha.log" | head -n 1
	until_true "alpha keeps its 4 peers" has_peers alpha 4
	kill -TERM "${pid[stranger]}"
	wait "${pid[stranger]}"
	unset 'pid[stranger]'
	names=("${members[@]}")
fi

# port_between ONE OTHER: the port of ONE's end of the connection that ONE has dialled to OTHER; none if OTHER dialled.
port_between()
{
	ss -Htnp state established "dport = :${address[$2]##*:}" |
		awk -v pid="pid=${pid[$1]}," 'index($0, pid) { sub(/.*:/, "", $3); print $3; exit }'
}
# finds KIND: alpha knows of a problem of this kind. It takes a while: a silence must last.
finds() { ask alpha problems -j | grep -q "\"kind\":\"$1\""; }
finds_nothing() { [ -z "$(ask alpha problems -j)" ]; }
begin_ms=$(now_ms)
quick_ms=$deadline_ms
deadline_ms=30000
say
if [ -n "${DEMO_INSIDE:-}" ]; then
	port=$(port_between beta gamma)
	[ -n "$port" ] || port=$(port_between gamma beta)
	[ -n "$port" ] || fail "there is no connection between beta and gamma"
	say "Now the connection between beta and gamma is cut, by a firewall rule. Both still talk to all others:"
	nft "add table ip demo; add chain ip demo input { type filter hook input priority 0; };
		add rule ip demo input tcp sport $port drop; add rule ip demo input tcp dport $port drop" ||
		fail "nft cannot cut the connection"
	until_true "alpha finds that the two can't talk" finds link
	say "After $((($(now_ms) - begin_ms + 500) / 1000)) s a third node says what is wrong:"
	show alpha problems
	nft delete table ip demo
	say "The rule is removed:"
else
	say "Now gamma is stopped (SIGSTOP). Without root there is no connection to cut:"
	kill -STOP "${pid[gamma]}"
	until_true "alpha finds that gamma is silent" finds node
	say "After $((($(now_ms) - begin_ms + 500) / 1000)) s a third node says what is wrong:"
	show alpha problems
	kill -CONT "${pid[gamma]}"
	say "It goes on:"
fi
begin_ms=$(now_ms)
until_true "alpha finds nothing wrong" finds_nothing
until_true "5 nodes have 4 peers each again" is_mesh
say "After $((($(now_ms) - begin_ms + 500) / 1000)) s alpha knows of no problem."
deadline_ms=$quick_ms

ask alpha watch -S 0 peer_down >"$directory/events" &
pid[watch]=$!
say
say "Now delta dies (kill -9), without a word to anybody:"
died_ms=$(now_ms)
disown "${pid[delta]}" # or the shell would print that it was killed
kill -KILL "${pid[delta]}"
unset 'pid[delta]'
for name in alpha beta gamma epsilon; do
	until_true "delta leaves the table of $name" lacks "$name" delta
	until_true "$name keeps its 3 other peers" has_peers "$name" 3
done
say "Within $(($(now_ms) - died_ms)) ms it has left all four. This is what alpha says of it:"
is_told() { grep -q ' down ' "$directory/events"; }
until_true "alpha tells of it as an event" is_told
say "    \$ kith -n alpha watch"
sed -n '/ delta /s/^/    /p' "$directory/events"
kill "${pid[watch]}"
wait "${pid[watch]}" 2>/dev/null
unset 'pid[watch]'
is_dialled() { ask alpha | grep -q 'gone .*connection refused'; }
until_true "alpha dials delta again" is_dialled
show alpha
show alpha why delta

say
say "At last the others are asked to stop (SIGTERM):"
for name in alpha beta gamma epsilon; do
	kill -TERM "${pid[$name]}"
done
is_gone() { ! kill -0 "${pid[$1]}" 2>/dev/null; }
for name in alpha beta gamma epsilon; do
	until_true "$name stops" is_gone "$name"
	wait "${pid[$name]}"
	status=$?
	unset "pid[$name]"
	[ $status -eq 0 ] || fail "$name ended with status $status"
done
say "All four said goodbye and ended with exit status 0."
