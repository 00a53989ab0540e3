# gnuplot -e "folder='build/soak'; bin_s=5; marks='90 1830'" plot.gp: draws the node's memory, threads and descriptors
# over time; each point is the mean of bin_s seconds, and the marks are where the readings that are compared were taken.

set terminal svg size 800,720 font "sans-serif,13" background "white"
set output folder."/soak.svg"
set grid ytics linecolor "#dddddd"
set ytics nomirror
set xtics nomirror
set key inside right top horizontal
set style line 1 linewidth 1.5 linecolor "#1b6ca8"
set style line 2 linewidth 1.5 linecolor "#c8553d"
set style increment user
set xrange [0:*]
set lmargin 10
set rmargin 3
do for [mark in marks] {
	set arrow from mark/60.0, graph 0 to mark/60.0, graph 1 nohead linecolor "#3f8f4f" dashtype 2
}
file = folder."/soak.dat"
minute(seconds) = floor(seconds / bin_s) * bin_s / 60.0

set multiplot layout 3,1
set title "Memory of the node, MB (dashed: the readings)"
set yrange [0:*]
plot file using (minute($1)):($3/1024) smooth unique with lines title "resident", \
	file using (minute($1)):($2/1024) smooth unique with lines title "private"
set title "Threads"
plot file using (minute($1)):4 smooth unique with lines notitle
set title "Descriptors"
set xlabel "minutes"
plot file using (minute($1)):5 smooth unique with lines notitle
unset multiplot
