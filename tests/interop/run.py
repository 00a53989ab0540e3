#!/usr/bin/python3
"""Two kithd and two Twisted nodes become one mesh.

One Twisted node dials a kithd; the other one dials nobody, and is found by
kithd alone, whose bootstrap it is. In a second mesh, of three kithd and one
Twisted node, which knows nothing of witnesses, nodes hang. Every wait ends at a condition or at a
deadline. Needs Debian's python3-twisted. From the environment: KITHD is the
program to test, and SLOW stretches every deadline, for a build that is slow.
"""

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
PYTHON = "/usr/bin/python3"  # Debian's own, which finds Debian's Twisted
TWISTED_NODE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "twisted_node.py")

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
    def __init__(self, name, *arguments):
        super().__init__(
            name,
            [KITHD, "-c", "/dev/null", "-l", "127.0.0.1:0", "-o", f"name={name}", "-o", "log_level=debug"]
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

    def ready(self):
        """The rows of its peers, late ones too, by nodeid. Two rows with one nodeid are a failure."""
        rows = [row for row in self.table()[1] if row["STATE"] in ("READY", "LATE")]
        peers = {row["NODEID"]: row for row in rows}
        return peers if len(peers) == len(rows) else {}


class Twisted(Process):
    def __init__(self, label, *arguments):
        super().__init__(label, [PYTHON, TWISTED_NODE, *arguments])
        self.address = wait_for(lambda: self.last("listening"), f"{label} listens")[0]
        self.nodeid = self.last("nodeid")[0]

    def find_all(self, word):
        return [line.split()[1:] for line in list(self.out) if line.split()[0] == word]

    def last(self, word):
        if self.child.poll() is not None:
            raise Failure(f"{self.label} ended with status {self.child.returncode}: {self.err}")
        return (self.find_all(word) or [None])[-1]

    def peers(self):
        return set(self.last("peers") or [])

    def ponged(self):
        return {nodeid for nodeid, in self.find_all("pong")}


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


def scenario():
    # Nobody dials from tw2, and only kith-b is told of it.
    tw2 = Twisted("tw2")
    kith_a = Kithd("kith-a")
    kith_b = Kithd("kith-b", "-b", tw2.address, "-b", kith_a.address)
    check("kith-b dials tw2", lambda: kith_b.ready().get(tw2.nodeid, {}).get("ADDRESS") == tw2.address)
    check("that connection's DIR is out", lambda: kith_b.ready().get(tw2.nodeid, {}).get("DIR") == "out")

    # This one announces its address without its nodeid, as the oldest form of the protocol does.
    tw1 = Twisted("tw1", "--bare", "--dial", kith_a.address)
    check("tw1 dials kith-a: its DIR is in", lambda: kith_a.ready().get(tw1.nodeid, {}).get("DIR") == "in")

    everybody = [kith_a, kith_b, tw1, tw2]
    for kithd in (kith_a, kith_b):
        check_kithd_mesh(kithd, [other for other in everybody if other is not kithd])
    for twisted in (tw1, tw2):
        others = {other.nodeid for other in everybody if other is not twisted}
        check(f"{twisted.label} lists its three peers", lambda t=twisted, o=others: t.peers() == o)
        check(f"{twisted.label}'s pings were answered by all three", lambda t=twisted, o=others: t.ponged() == o)
    for kithd in (kith_a, kith_b):
        check(
            f"{kithd.label} has no protocol error in its log",
            lambda k=kithd: not [line for line in k.err if re.search(ODD_LINE, line)],
            0,
        )

    tw1.kill()
    for kithd in (kith_a, kith_b):
        rest = {other.nodeid for other in everybody if other not in (kithd, tw1)}
        check(
            f"tw1 is killed and leaves {kithd.label}'s table; the others stay",
            lambda k=kithd, r=rest: set(k.ready()) == r,
            5,
        )
    check("tw2 lists the two that are left", lambda: tw2.peers() == {kith_a.nodeid, kith_b.nodeid}, 5)

    for kithd in (kith_a, kith_b):
        check_stop(kithd)
        check(
            f"{kithd.label} said bye to tw2, because of its shutdown",
            lambda k=kithd: [k.nodeid, "shutdown"] in tw2.find_all("bye"),
            5,
        )
    check("tw2 has no peers left", lambda: tw2.peers() == set(), 5)
    check("tw2 saw nothing odd", lambda: not tw2.find_all("odd") and not tw2.err, 0)
    check("tw1 saw nothing odd", lambda: not tw1.find_all("odd") and not tw1.err, 0)


def check_gone(kithd, other, words):
    check(
        f"{other.label} hangs and leaves {kithd.label}'s table",
        lambda: other.nodeid not in kithd.ready(),
    )
    check(
        f"{kithd.label} says why: {words}",
        lambda: [line for line in kithd.err if re.search(rf"{other.nodeid[:8]}.* failed: {words}", line)],
        1,
    )


def scenario_silence():
    """ping_timeout is far longer than any wait here, so it is the verdict that ends a connection."""
    soon = ("-o", "probe_interval=0.1", "-o", "silent_after=1", "-o", "ping_timeout=100")
    kith_a = Kithd("kith-a", *soon)
    kith_b = Kithd("kith-b", *soon, "-b", kith_a.address)
    kith_c = Kithd("kith-c", *soon, "-b", kith_a.address)
    tw = Twisted("tw", "--dial", kith_a.address)
    everybody = [kith_a, kith_b, kith_c, tw]
    for kithd in (kith_a, kith_b, kith_c):
        check_kithd_mesh(kithd, [other for other in everybody if other is not kithd])

    # The Twisted node is asked, and answers nothing. The other kithd is the one witness.
    kith_c.child.send_signal(signal.SIGSTOP)
    for kithd, witness in ((kith_a, kith_b), (kith_b, kith_a)):
        check_gone(kithd, kith_c, rf"silent for \S+ s, also to {witness.label}")
    check("tw ignores the question", lambda: "suspect" in [words[-1] for words in tw.find_all("ignored")])
    kith_c.child.send_signal(signal.SIGCONT)
    for kithd in (kith_a, kith_b):
        check(f"kith-c goes on and is back in {kithd.label}'s table", lambda k=kithd: kith_c.nodeid in k.ready())

    tw.child.send_signal(signal.SIGSTOP)
    for kithd in (kith_a, kith_b, kith_c):
        check_gone(kithd, tw, r"silent for \S+ s, also to kith-\w")
    tw.child.send_signal(signal.SIGCONT)
    for kithd in (kith_a, kith_b, kith_c):
        check(f"tw goes on and is back in {kithd.label}'s table", lambda k=kithd: tw.nodeid in k.ready(), 20)
    for kithd in (kith_a, kith_b, kith_c):
        check_stop(kithd)
    check("tw saw nothing odd", lambda: not tw.find_all("odd") and not tw.err, 0)


def main():
    global failed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        scenario()
        scenario_silence()
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
        print(f"interop: {passed} passed, {failed} failed", flush=True)
    return 1 if failed > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
