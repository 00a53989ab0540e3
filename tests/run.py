#!/usr/bin/python3
"""Runs the tests, one process for each suite and several at once.

Usage: run.py [-j PROCESSES] [-x GROUP/SUITE]... BUILD GROUP...

BUILD is the directory of what was built. A group is one of those in GROUPS;
GROUP/SUITE is one suite of it, and -x leaves one out. A suite that fails shows
its output, the others only their time. The end says which tests took longest,
and a line `GROUP: N passed, N failed` for each group. From the environment:
SLOW stretches every deadline, for a build that is slow; RUNNER is what runs
programs for another processor.
"""

import argparse
import collections
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

# What runs programs that are built for another processor.
RUNNER = os.environ.get("RUNNER", "").split()
SLOW = float(os.environ.get("SLOW", "1"))
# Most of a system test is waiting, so two cores are busy with eight of them; with six in a build that is slow.
PROCESSES = (4 if SLOW == 1 else 3) * len(os.sched_getaffinity(0))
# A suite that hangs is ended.
LIMIT_S = 240 * SLOW
SLOWEST = 5

# The program in BUILD, the kithd that it starts, and what it finds in its environment.
Group = collections.namedtuple("Group", "name program kithd environment")
# A suite that counts what the others of its group have done, in the file that FAULTS names, and begins after them.
LAST = "sum"
GROUPS = {
    "unit": Group("unit", "tests/unit/unit", None, {}),
    "system": Group("system", "tests/system/system", "kithd", {}),
    "tls": Group("system over TLS", "tests/system/system", "kithd", {"TLS": "1"}),
    "interop": Group("interop", None, "kithd", {}),
    "versions": Group("versions", None, "kithd", {}),
    "fault": Group("fault", "tests/fault/fault", "tests/fault/kithd", {}),
    "fault-tls": Group("fault over TLS", "tests/fault/fault", "tests/fault/kithd", {"TLS": "1"}),
}
INTEROP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "interop")
# The suites of a group that has no program: scripts, with their words.
SCRIPTS = {
    "interop": {"twisted": ["run.py"]},
    "versions": {"plain": ["versions.py", "plain"], "private": ["versions.py", "private"]},
}

# These keep the machine so busy that they run alone, beside each other, after all others.
ALONE = ("attack", "attack-addr", "attack-getaddr", "attack-unread")

# Those that take longest begin first, so that nothing is left to wait for in the end.
LONG = ["saves", "guest", "reloads", "start", "hosts", "state", "controls-0", "controls-1", "controls-2", "controls-3", "recovery",
        "silence", "private", "lan", "mesh", "web", "dials", "pairs", "address_record", "settings", "nodes", "bootstraps", "stop",
        "bounds", "twisted", "systemd", "top", "kith", "late", "broken", "claims-rates", "claims-sources", "claims-targets", "tls",
        "newcomers"]

RESULT = re.compile(r"^(passed|FAILED) +([0-9.]+) s  (.*)$")
COUNT = re.compile(r": (\d+) passed, (\d+) failed$")


class Suite:
    def __init__(self, build, group, name, tests, command):
        self.group = group
        self.name = name
        self.tests = tests
        self.command = command
        self.environment = {**os.environ, **group.environment}
        self.environment["FAULTS"] = os.path.join(build, f"{group.name.replace(' ', '-')}.tally")
        if group.kithd:
            self.environment["KITHD"] = os.path.join(build, group.kithd)
        self.output = None
        self.child = None
        self.usage = None
        self.begin = self.seconds = 0.0
        self.passed = 0
        self.failed = tests
        self.notes = []
        self.times = []

    def label(self):
        return f"{self.group.name}/{self.name}"

    def start(self):
        self.output = tempfile.TemporaryFile()
        self.begin = time.monotonic()
        self.child = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            env=self.environment,
            start_new_session=True,
        )

    def kill(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def end(self, status, usage):
        """What came of it, from its output and its status."""
        self.seconds = time.monotonic() - self.begin
        self.child.returncode = os.waitstatus_to_exitcode(status)
        self.usage = usage
        self.kill()  # what it has left behind
        self.output.seek(0)
        text = self.output.read().decode(errors="replace")
        self.output.close()
        for line in text.splitlines():
            self.take(line)
        self.failed = max(self.tests - self.passed, int(self.child.returncode != 0))
        if self.failed:
            self.show(text)

    def take(self, line):
        result = RESULT.match(line)
        count = COUNT.search(line)
        if result:
            self.passed += result[1] == "passed"
            self.times.append((float(result[2]), f"{self.label()}: {result[3]}"))
        elif count and not self.times:
            self.passed = int(count[1])  # of a program that says nothing of its tests
            self.tests = max(self.tests, int(count[1]) + int(count[2]))
        elif line.startswith("passed over: "):
            self.notes.append(line)

    def show(self, text):
        print(f"\n--- {self.label()}, which ended with {self.child.returncode} after {self.seconds:.1f} s:")
        print("\n".join(line for line in text.splitlines() if not COUNT.search(line)))
        if self.seconds >= LIMIT_S:
            print(f"it was ended after {LIMIT_S:g} s")
        print(f"--- end of {self.label()}", flush=True)


def suites_of(build, name, only):
    group = GROUPS[name]
    if group.program is None:
        return [Suite(build, group, suite, 1, ["/usr/bin/python3", os.path.join(INTEROP, script), *words])
                for suite, (script, *words) in SCRIPTS[name].items() if only in (None, suite)]
    program = [*RUNNER, os.path.join(build, group.program)]
    listed = subprocess.run([*program, "--list"], env={**os.environ, **group.environment}, capture_output=True, text=True)
    if listed.returncode != 0:
        sys.exit(f"run.py: {program[-1]} --list failed:\n{listed.stderr}")
    rows = [line.split() for line in listed.stdout.splitlines() if not line.startswith("passed over: ")]
    notes = [line for line in listed.stdout.splitlines() if line.startswith("passed over: ")]
    suites = [Suite(build, group, row[0], int(row[1]), [*program, row[0]]) for row in rows if only in (None, row[0])]
    if not suites:
        sys.exit(f"run.py: {program[-1]} has no suite {only}; it has {' '.join(row[0] for row in rows)}")
    suites[0].notes += notes
    return suites


def choose_suites(arguments):
    suites = []
    for wanted in arguments.group:
        name, _, only = wanted.partition("/")
        if name not in GROUPS:
            sys.exit(f"run.py: there is no group {name}; there are {' '.join(GROUPS)}")
        suites += [suite for suite in suites_of(arguments.build, name, only or None)
                   if f"{name}/{suite.name}" not in arguments.x]
    return sorted(suites, key=lambda suite: LONG.index(suite.name) if suite.name in LONG else len(LONG))


def say_progress(suite, done, count):
    verdict = "" if suite.failed == 0 else f", {suite.failed} FAILED"
    line = f"[{done}/{count}] {suite.label()} {suite.seconds:.1f} s{verdict}"
    if sys.stdout.isatty() and suite.failed == 0:
        print(f"\r{line}\033[K", end="" if done < count else "\n", flush=True)
    else:
        print(line, flush=True)


def end_late_ones(running):
    for suite in running.values():
        if time.monotonic() - suite.begin > LIMIT_S:
            suite.kill()


def may_begin(suite, waiting, running):
    others = [other for other in [*waiting, *running.values()] if other is not suite]
    if suite.name in ALONE:
        return all(other.name in ALONE for other in others)
    return suite.name != LAST or all(other.group is not suite.group for other in others)


def next_suite(waiting, running):
    """The first that may begin now; None while there is none."""
    for suite in waiting:
        if may_begin(suite, waiting, running):
            waiting.remove(suite)
            return suite
    return None


def run(suites, processes):
    """Runs all, so many at once."""
    waiting = list(suites)
    running = {}
    for tally in {suite.environment["FAULTS"] for suite in suites}:
        if os.path.exists(tally):
            os.unlink(tally)
    signal.signal(signal.SIGALRM, lambda *_: end_late_ones(running))
    signal.setitimer(signal.ITIMER_REAL, 5, 5)
    try:
        while waiting or running:
            while len(running) < processes and (suite := next_suite(waiting, running)):
                suite.start()
                running[suite.child.pid] = suite
            pid, status, usage = os.wait4(-1, 0)
            suite = running.pop(pid, None)
            if suite:
                suite.end(status, usage)
                say_progress(suite, len(suites) - len(waiting) - len(running), len(suites))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for suite in running.values():
            suite.kill()


def report(suites, seconds):
    for suite in suites:
        for note in suite.notes:
            print(f"{suite.label()}: {note}")
    times = sorted((taken for suite in suites for taken in suite.times), reverse=True)[:SLOWEST]
    print("the slowest tests:")
    for taken, name in times:
        print(f"{taken:8.1f} s  {name}")
    user = sum(suite.usage.ru_utime for suite in suites)
    system = sum(suite.usage.ru_stime for suite in suites)
    print(f"{seconds:.0f} s, of {user:.0f} s user and {system:.0f} s system time")
    for name in dict.fromkeys(suite.group.name for suite in suites):
        mine = [suite for suite in suites if suite.group.name == name]
        print(f"{name}: {sum(suite.passed for suite in mine)} passed, {sum(suite.failed for suite in mine)} failed")


def parse_arguments():
    parser = argparse.ArgumentParser(description="runs the tests, several suites at once")
    parser.add_argument("-j", type=int, default=PROCESSES, metavar="PROCESSES")
    parser.add_argument("-x", action="append", default=[], metavar="GROUP/SUITE", help="leave one out")
    parser.add_argument("build")
    parser.add_argument("group", nargs="+", help=" ".join(GROUPS))
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    suites = choose_suites(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    begin = time.monotonic()
    run(suites, arguments.j)
    report(suites, time.monotonic() - begin)
    return 1 if any(suite.failed for suite in suites) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
