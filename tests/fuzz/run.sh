#!/bin/bash
# Runs fuzzers, two at a time: run.sh BUILD SECONDS TARGET... Each begins with its corpus in tests/fuzz/corpus and goes
# on for so many seconds, or RUNS inputs; inputs that reach something new go to BUILD/new/TARGET, those that fail to
# BUILD/found.

set -u
build=$1 seconds=$2
shift 2
passed=0 failed=0
declare -A running=() # targets by process

fuzz()
{
	local target=$1 arguments=()
	mkdir -p "$build/new/$target" "$build/found"
	[ ! -e "tests/fuzz/$target.dict" ] || arguments+=("-dict=tests/fuzz/$target.dict")
	# libFuzzer looks for a leak after each input that has freed less than it allocated. With libconfig's own (settings.c)
	# that would be most of the time; without it, a leak is found at the end.
	[ "$target" != settings ] || arguments+=(-detect_leaks=0)
	# A conversation of many steps is longer than what libFuzzer tries at first.
	[ "$target" != conversation ] || arguments+=(-len_control=20)
	"$build/tests/fuzz/$target" -max_total_time="$seconds" -runs="${RUNS:--1}" -timeout=60 -rss_limit_mb=2048 \
		-artifact_prefix="$build/found/$target-" "${arguments[@]}" \
		"$build/new/$target" "tests/fuzz/corpus/$target" >"$build/$target.log" 2>&1 </dev/null
}

# What came of it: the runs, or what libFuzzer says of the input that failed.
report()
{
	local target=$1 status=$2
	if [ "$status" -eq 0 ]; then
		passed=$((passed + 1))
		awk -v target="$target" '
			$1 == "Done" { runs = $2; seconds = $5 }
			/ cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1) }
			END { printf "%-13s %9d inputs in %d s, %d places in the code\n", target, runs, seconds, edges }
		' "$build/$target.log"
	else
		failed=$((failed + 1))
		printf '%-13s FAILED (%s)\n' "$target" "$status"
		tail -n 60 "$build/$target.log"
	fi
}

await_one()
{
	local ended status=0
	wait -n -p ended "${!running[@]}" || status=$?
	report "${running[$ended]}" "$status"
	unset "running[$ended]"
}

for target in "$@"; do
	[ -x "$build/tests/fuzz/$target" ] || { echo "there is no fuzzer \"$target\""; exit 2; }
done
printf 'each fuzzer runs for %s s, two at a time\n' "$seconds"
for target in "$@"; do
	[ ${#running[@]} -lt 2 ] || await_one
	fuzz "$target" &
	running[$!]=$target
done
while [ ${#running[@]} -gt 0 ]; do
	await_one
done
printf 'fuzz: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
