"""What the figures say: a table of medians, a table of goals, and a picture of each part."""

import os
import platform
from html import escape
from statistics import median


def short(value):
    """About three digits."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"


def spread(values):
    if len(values) == 1:
        return short(values[0])
    return f"{short(median(values))} ({short(min(values))}..{short(max(values))})"


class Results:
    """Of each part, target and metric: a figure for each round."""

    def __init__(self):
        self.figures = {}

    def add(self, part, target, number, figures):
        for key, value in figures.items():
            self.figures.setdefault((part.name, target, key), {})[number] = value

    def values(self, part, target, key):
        return list(self.figures.get((part.name, target, key), {}).values())

    def ratios(self, part, goal):
        """kithd's figure divided by the other's of the same round; or the figure, if the goal is an absolute one."""
        mine = self.figures.get((part.name, "kithd", goal.metric), {})
        if goal.of is None:
            return list(mine.values())
        theirs = self.figures.get((part.name, goal.of, goal.metric), {})
        return [mine[number] / theirs[number] for number in mine if theirs.get(number)]


def machine():
    """The machine's kind, in a line."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{len(os.sched_getaffinity(0))} cores of {model}, {platform.system()} {platform.release()}"


def medians_table(results, parts):
    lines = ["| part | figure | target | median (min..max) |", "| --- | --- | --- | ---: |"]
    for part in parts:
        for metric in part.metrics:
            for target in part.targets:
                values = results.values(part, target, metric.key)
                if values:
                    lines.append(f"| {part.name} | {metric.title} | {target} | {spread(values)} |")
    return lines


def goal_row(results, part, goal):
    metric = next(metric for metric in part.metrics if metric.key == goal.metric)
    ratios = results.ratios(part, goal)
    sign = "≥" if metric.is_better == "more" else "≤"
    wanted = f"{sign} {short(goal.bound)}" + (f" × {goal.of}" if goal.of else "")
    if not ratios:
        return f"| {part.name} | {metric.title} | {wanted} | - | not measured |"
    middle = median(ratios)
    is_met = middle >= goal.bound if metric.is_better == "more" else middle <= goal.bound
    verdict = "met" if is_met else "**not met**"
    return f"| {part.name} | {metric.title} | {wanted} | {spread(ratios)} | {verdict} |"


def goals_table(results, parts):
    lines = ["| part | figure | goal | kithd: median (min..max) | |", "| --- | --- | --- | ---: | --- |"]
    return lines + [goal_row(results, part, goal) for part in parts for goal in part.goals]


# ---- pictures ----

WIDTH, LABEL_WIDTH, VALUE_WIDTH = 800, 150, 240
BAR, GAP, HEAD = 20, 8, 34


def text(x, y, words, size=13, anchor="start", weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(words)}</text>"
    )


def draw_bar(y, name, values, scale):
    """The bar ends at the median; the line across its end goes from the least to the greatest value."""
    colour = "#2b6cb0" if name == "kithd" else "#a0aec0"
    middle, low, high = (LABEL_WIDTH + value * scale for value in (median(values), min(values), max(values)))
    centre = y + BAR / 2
    whisker = f"M{low:.1f} {centre - 4}v8M{low:.1f} {centre}H{high:.1f}M{high:.1f} {centre - 4}v8"
    return [
        text(LABEL_WIDTH - 8, centre + 4, name, anchor="end"),
        f'<rect x="{LABEL_WIDTH}" y="{y}" width="{middle - LABEL_WIDTH:.1f}" height="{BAR}" fill="{colour}"/>',
        f'<path d="{whisker}" stroke="#1a202c" stroke-width="1.5" fill="none"/>',
        text(max(middle, high) + 8, centre + 4, spread(values), size=12),
    ]


def draw_panel(y, metric, bars):
    """Returns what it draws and where it ends."""
    greatest = max(max(values) for _, values in bars)
    scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / greatest if greatest > 0 else 0
    shapes = [text(LABEL_WIDTH, y + 20, f"{metric.title} ({metric.is_better} is better)", weight="bold")]
    y += HEAD
    for name, values in bars:
        shapes += draw_bar(y, name, values, scale)
        y += BAR + GAP
    return shapes, y + GAP


def draw(results, part):
    """An SVG of the part, or None if it has no figures."""
    y, shapes = 40, []
    for metric in part.metrics:
        bars = [(name, results.values(part, name, metric.key)) for name in part.targets]
        bars = [(name, values) for name, values in bars if values]
        if bars:
            more, y = draw_panel(y, metric, bars)
            shapes += more
    if not shapes:
        return None
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
            'font-family="sans-serif" fill="#1a202c">',
            f'<rect width="{WIDTH}" height="{y}" fill="white"/>',
            text(16, 26, part.title, size=16, weight="bold"),
            *shapes,
            "</svg>\n",
        ]
    )


def write(results, parts, directory):
    """Writes the pictures and the tables; returns the tables' lines."""
    os.makedirs(directory, exist_ok=True)
    for part in parts:
        picture = draw(results, part)
        if picture:
            with open(os.path.join(directory, f"{part.name}.svg"), "w", encoding="utf-8") as file:
                file.write(picture)
    lines = [f"On {machine()}.", "", *medians_table(results, parts), "", *goals_table(results, parts)]
    with open(os.path.join(directory, "tables.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return lines
