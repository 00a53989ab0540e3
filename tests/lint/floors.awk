# Checks that no file includes a header of a higher floor. Usage: awk -f floors.awk src/README.md DEPFILES...
# The floors come from the table in src/README.md, what includes what from the compiler's own dependency files.
FILENAME ~ /README\.md$/ {
	if ($0 !~ /^\| [0-9]+ /)
		next
	split($0, cells, "|")
	split(cells[2], first, " ")
	rooms = cells[3]
	while (match(rooms, /`[a-z_]+`/)) {
		floor[substr(rooms, RSTART + 1, RLENGTH - 2)] = first[1] + 0
		rooms = substr(rooms, RSTART + RLENGTH)
	}
	next
}
FNR == 1 {
	room = FILENAME
	sub(/^.*\//, "", room)
	sub(/\.d$/, "", room)
	seen[room] = 1
	if (!(room in floor)) {
		print "src/README.md does not say on which floor " room " lives"
		bad = 1
	}
}
{
	for (i = 1; i <= NF; i++) {
		if ($i !~ /^include\/[a-z_]+\.h$/)
			continue
		header = $i
		sub(/^include\//, "", header)
		sub(/\.h$/, "", header)
		if (floor[header] > floor[room] && !((room, header) in told)) {
			print "src/" room ".c, on floor " floor[room] ", includes " header ".h of floor " floor[header]
			told[room, header] = 1
			bad = 1
		}
	}
}
END {
	for (name in floor) {
		rooms_count++
		if (!(name in seen)) {
			print "src/README.md has a room " name ", and there is no src/" name ".c"
			bad = 1
		}
	}
	if (rooms_count == 0) {
		print "no table of floors in src/README.md"
		bad = 1
	}
	if (!bad)
		print "floors: " rooms_count " rooms, no file looks up"
	exit bad
}
