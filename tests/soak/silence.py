#!/usr/bin/python3
"""The soak of silence: 20 nodes in a bad network, of which nobody dies, and nobody may be taken for dead. See README.md.

Usage: silence.py [--seconds N] [--seed N]

The seconds may also stand in the environment variable SOAK_SECONDS, and the
seed in SOAK_SEED. BUILD is the directory of what was built, KITHD the program
that is tested if that isn't BUILD/kithd. Needs root, for network namespaces.
"""

import argparse
import os
import random
import signal
import sys
import time

sys.dont_write_bytecode = True  # what is made goes into BUILD and nowhere else
sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "chaos"))

import inside
from hosts import Failure, Hosts
from mesh import BUILD, KITHD, SLOW, Mesh

FOLDER = os.path.join(BUILD, "soak")
NODES = 20
LOSS_PERCENT = 10
DELAY_MS = (100, 300)
FROZEN_S = 3
FREEZE_EACH_S = 60
START_LIMIT_S = 120 * SLOW
SETTLE_S = 60  # by then each node knows the rhythm of its peers' pings
KEPT_LINES = 5000  # of a node's log, for whoever looks why a peer was lost
AFTER_S = 2  # what is logged so long after that belongs to it


class Soak:
    def __init__(self, seconds, seed):
        self.seconds = seconds
        self.rng = random.Random(seed)
        self.hosts = Hosts("soak", 1, NODES, DELAY_MS)
        self.hosts.loss_percent = LOSS_PERCENT
        self.mesh = Mesh(self.hosts)
        self.begin = time.monotonic()
        self.seen = 0  # of the losses
        self.frozen = 0
        self.late = 0
        self.verdicts = 0
        self.others = 0
        self.passed = self.failed = 0

    def say(self, words):
        print(f"{time.monotonic() - self.begin:6.0f} s  {words}", flush=True)

    def check(self, what, is_true):
        self.passed += is_true
        self.failed += not is_true
        print("ok    " if is_true else "FAILED", what, flush=True)

    def watch(self, seconds):
        """Reads the logs, and forgets what is old of them."""
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            self.mesh.watch(min(1, left_s))
            for node in self.mesh.nodes.values():
                del node.lines[:-KEPT_LINES]
            if len(self.mesh.losses) > self.seen:
                self.mesh.watch(AFTER_S)
                self.note_losses()

    def note_losses(self):
        for _, who, whom, line in self.mesh.losses[self.seen :]:
            is_verdict = " failed: silent for " in line and " also to " in line
            self.verdicts += is_verdict
            self.others += not is_verdict
            self.say(f"h{who} has lost h{whom}: {line}")
        self.seen = len(self.mesh.losses)
        with open(os.path.join(FOLDER, f"lost-{self.seen}.log"), "w", encoding="utf-8") as file:
            lines = [(when, n, line) for n, node in self.mesh.nodes.items() for when, line in node.lines]
            file.writelines(f"h{n} {line}\n" for _, n, line in sorted(lines))

    def run(self):
        self.hosts.apply()
        for i in self.hosts.all:
            bootstraps = [word for j in (1, 2) if j != i for word in ("-b", self.hosts.address(j))]
            self.mesh.start(i, [*bootstraps, "-o", "log_level=debug"])
        if self.mesh.become_whole(list(self.hosts.all), START_LIMIT_S) is None:
            raise Failure(f"{NODES} nodes aren't whole after {START_LIMIT_S:g} s")
        self.seen = len(self.mesh.losses)
        self.say(f"{NODES} nodes are whole")
        self.watch(SETTLE_S)
        end = time.monotonic() + self.seconds
        while (left_s := end - time.monotonic()) > 0:
            self.freeze_one()
            self.watch(min(left_s, FREEZE_EACH_S - FROZEN_S))
            self.say(f"{self.frozen} frozen, {self.verdicts} verdicts, {self.others} lost otherwise")

    def freeze_one(self):
        victim = self.rng.choice(list(self.mesh.nodes))
        self.mesh.nodes[victim].signal(signal.SIGSTOP)
        try:
            self.mesh.watch(FROZEN_S)
        finally:
            self.mesh.nodes[victim].signal(signal.SIGCONT)
        self.frozen += 1
        self.say(f"h{victim} was frozen for {FROZEN_S} s")

    def main(self):
        try:
            self.run()
            self.check(f"{self.frozen} times a process was frozen for {FROZEN_S} s", self.frozen > 0)
            self.check(f"{self.verdicts} false verdicts of silence in {self.seconds} s", self.verdicts == 0)
            self.check(f"{self.others} peers were lost for other reasons", self.others == 0)
        except Failure as failure:
            self.check(str(failure), False)
        finally:
            self.mesh.end()
            self.hosts.end()
        print(f"soak: {self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def main():
    parser = argparse.ArgumentParser(description="20 nodes in a bad network, of which nobody dies")
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("SOAK_SECONDS", "3600")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SOAK_SEED") or random.getrandbits(32)))
    arguments = parser.parse_args()
    if not os.access(KITHD, os.X_OK):
        sys.exit(f"soak: {KITHD} is not built")
    if not inside.is_inside():
        return inside.run_inside("soak")
    inside.settle_in()
    os.makedirs(FOLDER, exist_ok=True)
    print(f"soak: silence, {arguments.seconds} s, seed {arguments.seed}", flush=True)
    return Soak(arguments.seconds, arguments.seed).main()


if __name__ == "__main__":
    sys.exit(main())
