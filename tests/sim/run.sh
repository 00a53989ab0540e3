#!/bin/bash
# run.sh SIM FOLDER [ARGUMENTS]: plays the full set, or what the arguments say, with progress; prints the table, which
# is also FOLDER/table.md, and draws the curves into FOLDER.

set -eu
sim=$1 folder=$2
shift 2
[ $# -gt 0 ] || set -- --all

# Asked before, not after ten minutes.
command -v gnuplot >/dev/null || {
	echo "make sim: gnuplot draws the curves, and isn't installed: apt-get install gnuplot-nox (or: make deps-dev)" >&2
	exit 1
}
rm -rf "$folder"
mkdir -p "$folder"
"$sim" --progress --output "$folder" "$@" >"$folder/table.md"
cat "$folder/table.md"
gnuplot -e "folder='$folder'" tests/sim/plot.gp
echo "table and curves are in $folder" >&2
