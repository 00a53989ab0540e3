#!/usr/bin/python3
"""Two kithd and two Twisted nodes become one mesh.

One Twisted node dials a kithd; the other one dials nobody, and is found by
kithd alone, whose bootstrap it is. In a second mesh, of three kithd and one
Twisted node, which knows nothing of witnesses, nodes hang. Needs Debian's
python3-twisted.
"""

import os
import re
import signal
import sys
import tempfile

from nodes import ODD_LINE, Failure, Kithd, Process, check, check_kithd_mesh, check_stop, main, wait_for

PYTHON = "/usr/bin/python3"  # Debian's own, which finds Debian's Twisted
TWISTED_NODE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "twisted_node.py")


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


def asked(folder, name, *arguments):
    """A kithd with a control socket."""
    control = os.path.join(folder, f"{name}.sock")
    kithd = Kithd(name, "-o", f"control={control}", *arguments)
    kithd.control = control
    return kithd


def check_views(kithd, kithds, others):
    """Nodes that send no reports are there, and nothing is wrong with them."""
    reporting = {node.nodeid for node in kithds}
    wanted = {node.nodeid: ("alive", node.nodeid in reporting) for node in [*kithds, *others]}
    check(
        f"to {kithd.label} all are alive, and the Twisted ones have no report",
        lambda: {i: (row["state"], row["has_report"]) for i, row in kithd.nodes().items()} == wanted,
    )
    check(f"{kithd.label} finds nothing wrong", lambda: kithd.problems() == [], 0)


def scenario_mesh():
    with tempfile.TemporaryDirectory() as folder:
        play_mesh(folder)


def play_mesh(folder):
    # Nobody dials from tw2, and only kith-b is told of it.
    tw2 = Twisted("tw2")
    kith_a = asked(folder, "kith-a")
    kith_b = asked(folder, "kith-b", "-b", tw2.address, "-b", kith_a.address)
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
        check_views(kithd, [kith_a, kith_b], [tw1, tw2])
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
    for kithd in (kith_a, kith_b):
        check(
            f"{kithd.label} says that tw1 is gone, and nothing else",
            lambda k=kithd: [text[:16] for text in k.problems()] == [f"{tw1.nodeid[:8]} is gone"],
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


if __name__ == "__main__":
    sys.exit(main("interop", scenario_mesh, scenario_silence))
