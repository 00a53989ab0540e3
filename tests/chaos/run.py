#!/usr/bin/python3
"""Chaos: kithd in networks that lose, delay, cut and double. README.md tells what each scenario does and asserts.

Usage: run.py [--smoke] [SCENARIO...]

The scenarios may also stand in the environment variable CHAOS. KITHD is the
program to test, if that isn't BUILD/kithd, and SLOW stretches every deadline.
With SECRET there, the networks are private ones. Needs root, for namespaces of processes, mounts and networks of its own.
Nothing of it is seen outside, and all of it ends with this process, however
that ends.
"""

import argparse
import concurrent.futures
import os
import subprocess
import sys
import traceback

sys.dont_write_bytecode = True  # what is made goes into BUILD and nowhere else

import inside
import scenarios
import truth
from hosts import Failure
from mesh import KITHD
from stage import Report

# Each has 8 hosts that all talk to each other. Together, all namespaces have room for 1,024 neighbours in the kernel
# (net.ipv4.neigh.default.gc_thresh3); when that is full, nobody reaches anybody.
NETWORKS_AT_ONCE = 16


def run_scenario(report, name, is_smoke):
    try:
        scenarios.play(report, name, is_smoke)
    except Exception as problem:  # whatever it is, the other scenarios go on and the last line is printed
        report.check(name, problem, False)
        if not isinstance(problem, (Failure, OSError)):
            traceback.print_exc()


def spread(figures, bound):
    """From the least to the greatest of these seconds, and what they may be at most."""
    if not figures:
        return "-"
    least, most = f"{min(figures):.1f}", f"{max(figures):.1f}"
    return f"{least if least == most else f'{least} to {most}'}, at most {bound:.0f}"


def range_of(figures):
    figures = [figure for figure in figures if figure is not None]
    if not figures:
        return "-"
    least, most = f"{min(figures):.1f}", f"{max(figures):.1f}"
    return least if least == most else f"{least} to {most}"


def print_table(rows):
    print()
    heads = ["scenario", "interval + time-out, s", "whole after, s", "false alarms", "late after, s"]
    heads += ["noticed after, s", "by the one cut off, s", "whole again after, s", "besides"]
    print_cells(heads)
    print_cells("---" for _ in heads)
    for row in rows:
        cells = [
            row.name,
            row.pings,
            "-" if row.mesh_s is None else f"{row.mesh_s:.1f}",
            f"{row.alarms} in {row.watched_s:.0f} s",
            range_of(row.late_s),
            spread(row.notice_s, row.notice_bound_s),
            range_of(row.own_s),
            spread(row.again_s, row.again_bound_s),
            "; ".join(row.remarks),
        ]
        print_cells(cells)
    print()
    rows = [row for row in rows if row.serf_alarms is not None]
    if rows:
        heads = ["scenario", "Serf: false alarms before", "suspected after, s", "failed for all after, s"]
        print_cells(heads)
        print_cells("---" for _ in heads)
        for row in rows:
            print_cells([row.name, str(row.serf_alarms), *(range_of(column) for column in zip(*row.serf_s))])
        print()


def print_truths(truths):
    if not truths:
        return
    heads = ["scenario", "kind", "named after, s", "over after, s", "as kith says it"]
    print_cells(heads)
    print_cells("---" for _ in heads)
    for truth in truths:
        named, over = spread(truth.named_s, truth.bound_s), spread(truth.over_s, truth.over_bound_s)
        print_cells([truth.name, truth.kind, named, over, truth.text])
    print()


def print_cells(cells):
    print("|", " | ".join(cells), "|")


def make_secret():
    """The path of a file with the secret of this run, which is gone with its namespaces."""
    path = "/run/secret"
    secret = subprocess.run([KITHD, "--new-secret"], stdout=subprocess.PIPE, check=True).stdout
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(secret)
    return path


def run_inside(names, is_smoke):
    """In the namespaces of this run."""
    inside.settle_in()
    if os.environ.get("SECRET"):
        os.environ["CHAOS_SECRET"] = make_secret()
    report = Report()
    with concurrent.futures.ThreadPoolExecutor(NETWORKS_AT_ONCE) as pool:
        for scenario in [pool.submit(run_scenario, report, name, is_smoke) for name in names]:
            scenario.result()
    print_table(sorted(report.rows, key=lambda row: names.index(row.name)))
    print_truths(sorted(report.truths, key=lambda truth: names.index(truth.name)))
    print(f"chaos: {report.passed} passed, {report.failed} failed", flush=True)
    return 1 if report.failed > 0 else 0


def main():
    parser = argparse.ArgumentParser(usage="%(prog)s [--smoke] [SCENARIO...]")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("scenario", nargs="*", default=os.environ.get("CHAOS", "").split())
    arguments = parser.parse_args()
    names = arguments.scenario or (scenarios.SMOKE if arguments.smoke else list(scenarios.SCENARIOS))
    names = [one for name in names for one in (sorted(truth.SCENARIOS) if name == "truth" else [name])]
    unknown = [name for name in names if name not in scenarios.SCENARIOS]
    if unknown:
        sys.exit(f"chaos: there is no scenario {unknown[0]}; there are {', '.join(scenarios.SCENARIOS)}")
    return run_inside(names, arguments.smoke) if inside.is_inside() else inside.run_inside("chaos")


if __name__ == "__main__":
    sys.exit(main())
