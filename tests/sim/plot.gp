# gnuplot -e "folder='build/sim'" plot.gp: draws the curves that are there, each picture only if one of its own is.
# Columns: seconds, nodes, components, % in the largest component, % with all outbound peers, mean degree, % of the
# outbound connections that are the attacker's, messages and bytes per node and second. Of a newcomer: seconds, % that
# were told, % that have it in their book.

set terminal svg size 800,420 font "sans-serif,13" background "white"
set grid linecolor "#dddddd"
set key outside right top
set style line 1 linewidth 2 linecolor "#1b6ca8"
set style line 2 linewidth 2 linecolor "#c8553d"
set style line 3 linewidth 2 linecolor "#3f8f4f"
set style line 4 linewidth 2 linecolor "#8a5fa8"
set style increment user
set xlabel "minutes"

file(run) = folder."/".run.".dat"
runs_of(scenario, suffix) = system("cd ".folder." && ls | sed -n 's/^\\(".scenario."-[0-9]*".suffix."\\)\\.dat$/\\1/p' | sort -t- -k2 -n")

runs = runs_of("growth", "")
if (words(runs) > 0) {
	set output folder."/growth.svg"
	set title "Growth: nodes with all their outbound peers"
	set ylabel "%"; set yrange [0:105]; set xrange [0:3]
	plot for [run in runs] file(run) using ($1/60):5 with lines title run
	set output folder."/traffic.svg"
	set title "Messages per node and second"
	set ylabel "messages per node and second"; set yrange [0.1:*]; set xrange [*:*]; set logscale y
	plot for [run in runs] file(run) using ($1/60):8 with lines title run
	unset logscale y
}
runs = runs_of("growth", "-newcomer")
if (words(runs) > 0) {
	set output folder."/newcomer.svg"
	set title "Nodes that were told a newcomer's address"
	set xlabel "seconds"; set ylabel "%"; set yrange [0:105]; set xrange [0:20]
	plot for [run in runs] file(run) using 1:2 with lines title run
	set xlabel "minutes"
}
set yrange [0:105]
set xrange [*:*]
set ylabel "%"
do for [scenario in "churn outage partition"] {
	runs = runs_of(scenario, "")
	if (words(runs) > 0) {
		set output folder."/".scenario.".svg"
		set title scenario.": nodes in the largest component, and with all their outbound peers"
		plot for [run in runs] file(run) using ($1/60):4 with lines title run.", component", \
			for [run in runs] file(run) using ($1/60):5 with lines title run.", peers"
	}
}
runs = runs_of("attack[0-9]*", "")
if (words(runs) > 0) {
	set output folder."/attack.svg"
	set title "The attacker's share of the outbound connections"
	set yrange [0:*]
	plot for [run in runs] file(run) using ($1/60):7 with lines title run
	set yrange [0:105]
}
runs = runs_of("loss[0-9]*", "")
if (words(runs) > 0) {
	set output folder."/loss.svg"
	set title "Nodes with all their outbound peers, where segments and dials are lost"
	set xrange [0:10]
	plot for [run in runs] file(run) using ($1/60):5 with lines title run
}
