#!/usr/bin/python3
"""The benchmarks of kithd. README.md tells what they measure and how to read them.

Usage: run.py [--rounds N] [--smoke] [PART...]

The parts may also stand in the environment variable BENCH. BUILD is the
directory of what was built, and KITHD the program that is measured, if that
isn't BUILD/kithd.
"""

import argparse
import os
import signal
import sys
import time

sys.dont_write_bytecode = True  # what is made goes into BUILD and nowhere else

import report
from attack import SYSTEM, AttackPart
from control import ControlPart
from dear import DearPart
from network import NetworkPart
from parts import PARTS
from silence import RestPart, SilencePart
from targets import BUILD, CORES, KITHD, LOAD, LOAD_CORE, PROBE, TARGET_CORE, Failure, Process, missing_packages
from worst import WorstPart

LIMIT_S = 600
LONG_S = 300  # what takes longer must be named
ALL_PARTS = [*PARTS[:-1], WorstPart(), ControlPart(), AttackPart(), NetworkPart(), RestPart(), PARTS[-1], DearPart(), SilencePart()]


class Bench:
    def __init__(self, arguments, parts):
        self.is_smoke = arguments.smoke
        self.rounds = 1 if arguments.smoke else arguments.rounds
        self.parts = parts
        self.results = report.Results()
        self.problems = []
        self.begin = time.monotonic()

    def say(self, *words):
        print(f"{time.monotonic() - self.begin:6.1f} s ", *words, flush=True)

    def problem(self, words):
        self.problems.append(words)
        self.say("PROBLEM:", words)

    def targets_of(self, part):
        names = part.smoke_targets() if self.is_smoke else part.targets
        missing = missing_packages(names)
        for name, package in missing.items():
            self.say(f"{part.name}: without {name}, since the Debian package {package} is not installed")
        return [name for name in names if name not in missing]

    def run_part(self, part):
        names = self.targets_of(part)
        rounds = min(self.rounds, part.most_rounds)
        for number in range(rounds):
            if time.monotonic() - self.begin + part.seconds > LIMIT_S:
                self.say(f"{part.name}: no time is left for round {number + 1} of {rounds}")
                return
            try:
                self.run_round(part, names, number, rounds)
            except (Failure, OSError) as failure:
                self.problem(f"{part.name}, round {number + 1}: {failure}")
            finally:
                Process.end_all()

    def run_round(self, part, names, number, rounds):
        for name, figures, problem in part.run_round(number, names, self.is_smoke):
            self.results.add(part, name, number, figures)
            words = ", ".join(f"{key} {report.short(value)}" for key, value in figures.items())
            self.say(f"{part.name} {number + 1}/{rounds} {name}: {words}")
            if problem:
                self.problem(f"{part.name}, round {number + 1}: {problem}")

    def check_order(self):
        """Every part has measured kithd, and no figure is absurd."""
        for part in self.parts:
            for metric in part.metrics:
                low, high = metric.plausible
                for name in part.targets:
                    for value in self.results.values(part, name, metric.key):
                        if not low <= value <= high:
                            self.problem(f"{part.name} {name}: {metric.key} {value:g} is not in {low:g}..{high:g}")
            if not any(self.results.values(part, "kithd", metric.key) for metric in part.metrics):
                self.problem(f"{part.name}: no figure")

    def finish(self):
        directory = os.path.join(BUILD, "bench")
        print()
        if self.is_smoke:
            self.check_order()
        else:
            print("\n".join(report.write(self.results, self.parts, directory)))
            print(f"\nThe tables and a picture of each part are in {directory}.")
        for words in self.problems:
            print("PROBLEM:", words)
        print(f"{len(self.parts)} parts in {time.monotonic() - self.begin:.0f} s, {len(self.problems)} problems")
        return 1 if self.problems else 0


def choose_parts(names, is_smoke):
    by_name = {part.name: part for part in ALL_PARTS}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        print(f"bench: there is no part {unknown[0]}; there are {' '.join(by_name)}", file=sys.stderr)
        sys.exit(64)
    return [
        part for part in ALL_PARTS if part.name in names or (not names and (is_smoke or part.seconds <= LONG_S))
    ]


def parse_arguments():
    parser = argparse.ArgumentParser(description="the benchmarks of kithd")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="half a minute: does every benchmark work?")
    parser.add_argument("part", nargs="*", help=" ".join(part.name for part in ALL_PARTS))
    arguments = parser.parse_args()
    arguments.part = arguments.part or os.environ.get("BENCH", "").replace(",", " ").split()
    return arguments


def main():
    arguments = parse_arguments()
    bench = Bench(arguments, choose_parts(arguments.part, arguments.smoke))
    for program in (KITHD, LOAD, PROBE, SYSTEM):
        if not os.access(program, os.X_OK):
            print(f"bench: {program} is not built", file=sys.stderr)
            return 71
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if len(CORES) == 1:
        bench.say("only one core: target and load generator share it, so the figures say little")
    else:
        bench.say(f"targets run on core {TARGET_CORE}, the load generator on core {LOAD_CORE}")
    status = 0
    try:
        for part in bench.parts:
            bench.run_part(part)
    except KeyboardInterrupt:
        status = 130
    finally:
        Process.end_all()
    return bench.finish() or status


if __name__ == "__main__":
    sys.exit(main())
