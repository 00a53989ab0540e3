# Checks that no file includes a header of a later folder. Usage: awk -f floors.awk src/README.md DEPFILES...
# The order comes from the table in src/README.md, what includes what from the compiler's own dependency files.
FILENAME ~ /README\.md$/ {
	if (split($0, cells, "|") >= 4 && cells[2] ~ /^ [0-9]+ $/ && match(cells[3], /`[a-z]+`/)) {
		folder = substr(cells[3], RSTART + 1, RLENGTH - 2)
		order[folder] = cells[2] + 0
		folders++
	}
	next
}
FNR == 1 {
	room = FILENAME
	sub(/^.*\/src\//, "", room)
	sub(/\.d$/, "", room)
	own = room
	sub(/\/.*$/, "", own)
	if (!(own in order)) {
		print "src/README.md has no folder " own ", where src/" room ".c lives"
		bad = 1
	}
	seen[own] = 1
}
{
	for (i = 1; i <= NF; i++) {
		if ($i !~ /^include\/[a-z]+\/[a-z_]+\.h$/)
			continue
		split($i, path, "/")
		if (order[path[2]] > order[own]) {
			print "src/" room ".c includes " $i ", of a later folder"
			bad = 1
		}
	}
}
END {
	for (folder in order) {
		if (!(folder in seen)) {
			print "src/README.md has a folder " folder ", and no file lives there"
			bad = 1
		}
	}
	if (folders == 0) {
		print "no table of folders in src/README.md"
		bad = 1
	}
	if (!bad)
		print "floors: " folders " folders, no file looks up"
	exit bad
}
