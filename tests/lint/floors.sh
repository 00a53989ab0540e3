#!/bin/bash
# Checks the sources, and that the checker finds each kind of mistake. Usage: floors.sh CC OBJECT...
set -eu
cc=$1
shift
check=tests/lint/floors.py
python3 $check "$@"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# wrong FILE PATTERN: with this file among them, the sources must be refused for this reason.
wrong() {
	local file=tests/lint/floors/$1 place object found
	place=$(sed -n '1s|^/\* As \([^:]*\):.*|\1|p' "$file")
	object=$scratch/${place%.?}.o
	mkdir -p "${object%/*}"
	case $file in *.c) $cc -Iinclude -D_GNU_SOURCE -std=c11 -c -o "$object" "$file" ;; esac
	if found=$(python3 $check --with "$file" ${object:+$(ls "$object" 2>/dev/null)}) ||
		! grep -q "$2" <<<"$found"; then
		echo "floors must say of $file: $2; it says: $found" >&2
		exit 1
	fi
	rm -f "$object"
}
wrong later_folder.c 'of a later folder'
wrong private_header.c 'is private to'
wrong cycle.h 'a cycle: wire/nodeid -> wire/message'
wrong other_program.c 'is a program of its own'
wrong second_door.c 'include the door'
wrong clock.c 'refers to clock_now_us'
wrong socket.c 'refers to send'
