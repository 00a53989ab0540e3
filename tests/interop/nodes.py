"""What tests of several nodes have in common: processes, their tables, and waits that end at a condition or a deadline.

From the environment: KITHD is the program to test, KITH the one that asks it, and SLOW stretches every deadline, for a
build that is slow.
"""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import traceback

KITHD = os.environ.get("KITHD", "build/kithd")
KITH = os.environ.get("KITH", os.path.join(os.path.dirname(KITHD), "kith"))
SLOW = float(os.environ.get("SLOW", "1"))
DEADLINE_S = 10
POLL_S = 0.05

# That kithd runs as root is a matter of who runs this test.
ODD_LINE = r" (error|warning) (?!running as root)|protocol"


class Failure(Exception):
    pass


def wait_for(condition, what, deadline_s=DEADLINE_S):
    """Returns what condition() returned, once that is true."""
    deadline_s *= SLOW
    end = time.monotonic() + deadline_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise Failure(f"not within {deadline_s:g} s: {what}")
        time.sleep(POLL_S)


class Process:
    """A child whose lines are collected by a thread for each of its two outputs."""

    running = []

    def __init__(self, label, arguments):
        self.label = label
        self.child = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        Process.running.append(self)
        self.out = []
        self.err = []
        self.tables = queue.Queue()
        for pipe, lines in ((self.child.stdout, self.out), (self.child.stderr, self.err)):
            threading.Thread(target=self.collect, args=(pipe, lines), daemon=True).start()

    def collect(self, pipe, lines):
        table = []
        for line in pipe:
            line = line.rstrip("\n")
            lines.append(line)
            table.append(line)
            if line == "# end":
                self.tables.put(table)
                table = []

    def kill(self):
        self.child.kill()
        self.child.wait()

    def end(self):
        """At the end of the test, whatever has happened."""
        if self.child.poll() is None:
            self.kill()


class Kithd(Process):
    program = KITHD

    def __init__(self, name, *arguments):
        super().__init__(
            name,
            [self.program, "-c", "/dev/null", "-l", "127.0.0.1:0", "-o", f"name={name}", "-o", "log_level=debug"]
            + ["-o", "ping_interval=1", *arguments],
        )
        self.address = wait_for(self.find_address, f"{name} logs where it listens")
        self.nodeid = self.table()[0]["node"]

    def find_address(self):
        if self.child.poll() is not None:
            raise Failure(f"{self.label} ended with status {self.child.returncode}: {self.err}")
        for line in self.err:
            found = re.search(r" listening on (\S+)$", line)
            if found:
                return found.group(1)
        return None

    def table(self):
        """The node's own line and its rows, as dictionaries."""
        self.child.send_signal(signal.SIGUSR1)
        try:
            first, heads, *rows = self.tables.get(timeout=DEADLINE_S * SLOW)
        except queue.Empty:
            raise Failure(f"{self.label} printed no table within {DEADLINE_S * SLOW} s") from None
        if "# addresses" in rows:
            rows = rows[: rows.index("# addresses")]
        else:
            rows = rows[: rows.index("# end")]
        words = first.split()[1:]
        words[0:2] = ["version", words[1]]
        return dict(zip(words[::2], words[1::2])), [dict(zip(heads.split(), row.split())) for row in rows]

    def ask(self, *words):
        """The rows of the answer of one with a control socket."""
        run = subprocess.run([KITH, "-s", self.control, "-j", *words], capture_output=True, text=True, timeout=20)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def nodes(self):
        return {row["nodeid"]: row for row in self.ask("nodes")}

    def problems(self):
        return [row["text"] for row in self.ask("problems")]

    def ready(self):
        """The rows of its peers, late ones too, by nodeid. Two rows with one nodeid are a failure."""
        rows = [row for row in self.table()[1] if row["STATE"] in ("READY", "LATE")]
        peers = {row["NODEID"]: row for row in rows}
        return peers if len(peers) == len(rows) else {}


passed = failed = 0


def check(what, condition, deadline_s=DEADLINE_S):
    """Waits for a condition, and says whether it came true."""
    global passed, failed
    try:
        wait_for(condition, what, deadline_s)
        passed += 1
        print("ok    ", what, flush=True)
        return True
    except Failure as failure:
        failed += 1
        print("FAILED", failure, flush=True)
        return False


def check_kithd_mesh(kithd, others):
    wanted = {other.nodeid: other.address for other in others}

    def is_mesh():
        found = kithd.ready()
        return {nodeid: row["LISTEN"] for nodeid, row in found.items()} == wanted and all(
            row["RTT_MS"] != "-" for row in found.values()
        )

    labels = ", ".join(other.label for other in others)
    check(f"{kithd.label}'s table: {labels} are READY, once each, with LISTEN and RTT_MS", is_mesh)


def check_stop(kithd):
    kithd.child.send_signal(signal.SIGTERM)
    check(f"{kithd.label} ends within 2 s of SIGTERM", lambda: kithd.child.poll() is not None, 2)
    check(f"{kithd.label}'s exit status is 0", lambda: kithd.child.poll() == 0, 0)


def main(label, *scenarios):
    """Plays all, ends what they have started, and counts what was checked."""
    global failed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for scenario in scenarios:
            scenario()
    except Exception as problem:  # whatever it is, the processes are ended and the last line is printed
        failed += 1
        print("FAILED", problem, flush=True)
        if not isinstance(problem, (Failure, OSError)):
            traceback.print_exc()
    finally:
        for process in Process.running:
            process.end()
        if failed > 0:
            for process in Process.running:
                for line in process.err[-30:]:
                    print(f"       {process.label}: {line}")
        print(f"{label}: {passed} passed, {failed} failed", flush=True)
    return 1 if failed > 0 else 0
