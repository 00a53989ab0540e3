#!/usr/bin/python3
"""A network of four nodes of version 0.1.0 is upgraded, one node after the other, and one of them goes back.

While both versions are in it, nodes of both hang, and one is disconnected by
its operator. Usage: versions.py plain|private. From the environment: OLD_KITHD
is the program of version 0.1.0.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time

from nodes import KITHD, ODD_LINE, SLOW, Kithd, check, check_kithd_mesh, check_stop, main, wait_for

OLD_KITHD = os.environ["OLD_KITHD"]
NEW_VERSION = subprocess.run([KITHD, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]

# How long the two versions live together while nothing happens: problems are raised sooner.
QUIET_S = 12
PING_TIMEOUT_S = 8
COUNT = 4


class Old(Kithd):
    program = OLD_KITHD
    version = "0.1.0"
    own_options = ()


class New(Kithd):
    version = NEW_VERSION


class Network:
    """Nodes by number. Each has a folder of its own for what outlives a restart."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.options = options
        self.nodes = {}

    def start(self, kind, i, *arguments):
        name = f"node{i}"
        control = os.path.join(self.folder, f"{name}.sock")
        own = ["-o", f"state_dir={os.path.join(self.folder, name)}", "-o", f"ping_timeout={PING_TIMEOUT_S}"]
        if kind is New:
            own += ["-o", f"control={control}", "-o", "silent_after=2"]
        node = kind(name, *own, *self.options, *arguments)
        node.control = control
        self.nodes[i] = node
        return node

    def replace(self, kind, i):
        """Upgrades a node, or takes it back: with what it has kept, and without a bootstrap."""
        before = self.nodes[i]
        check_stop(before)
        node = self.start(kind, i)
        check(f"{node.label} of {kind.version} takes over the nodeid", lambda: node.nodeid == before.nodeid, 0)
        check(f"{node.label} of {kind.version} takes over the port", lambda: node.address == before.address, 0)
        self.check_mesh()

    def others(self, node):
        return [other for other in self.nodes.values() if other is not node]

    def of(self, kind):
        return [node for node in self.nodes.values() if isinstance(node, kind)]

    def check_mesh(self):
        for node in self.nodes.values():
            check_kithd_mesh(node, self.others(node))

    def check_views(self):
        """What the new ones say of all. One that has gone back may still have the report of before."""
        wanted = {node.nodeid: "alive" for node in self.nodes.values()}
        reporting = {node.nodeid for node in self.of(New)}
        for node in self.of(New):
            check(
                f"to {node.label} of {node.version} all are alive, and those of its version have reports",
                lambda n=node: {i: row["state"] for i, row in n.nodes().items()} == wanted
                and reporting <= {i for i, row in n.nodes().items() if row["has_report"]},
            )

    def check_quiet(self):
        """No connection ends, and no problem is raised."""
        lines = {node: len(node.err) for node in self.nodes.values()}
        found = set()
        end = time.monotonic() + QUIET_S
        while time.monotonic() < end:
            found.update(text for node in self.of(New) for text in node.problems())
            time.sleep(1)
        for node, before in lines.items():
            found.update(line for line in node.err[before:] if re.search(r" (failed|left|dropped): ", line))
        check(f"in {QUIET_S} s no connection ends and no problem is found: {sorted(found)}", lambda: not found, 0)

    def check_logs(self, pattern=ODD_LINE):
        for node in self.nodes.values():
            odd = [line for line in node.err if re.search(pattern, line)]
            check(f"{node.label} of {node.version} finds nothing odd: {odd}", lambda o=odd: not o, 0)


def upgrade_half(network):
    """From four old nodes to two old ones and two new ones."""
    first = network.start(Old, 1)
    for i in range(2, COUNT + 1):
        network.start(Old, i, "-b", first.address)
    network.check_mesh()
    network.replace(New, 1)
    network.replace(New, 2)
    network.check_views()
    network.check_quiet()
    network.check_logs()


def upgrade_rest(network, pattern=ODD_LINE):
    """To four new ones, of which one goes back."""
    network.replace(New, 3)
    network.replace(New, 4)
    network.check_views()
    network.replace(Old, 4)
    network.check_views()
    network.check_quiet()
    network.check_logs(pattern)


def check_hang(network, node, seen_by, words):
    """A node hangs, leaves the tables of these, which say why, and comes back."""
    node.child.send_signal(signal.SIGSTOP)
    for other in seen_by:
        check(
            f"{node.label} of {node.version} hangs; {other.label} of {other.version}: {words}",
            lambda o=other: [line for line in o.err if re.search(rf"{node.nodeid[:8]}.* failed: {words}", line)],
            PING_TIMEOUT_S + 10,
        )
    node.child.send_signal(signal.SIGCONT)
    network.check_mesh()


def play_plain(folder):
    network = Network(folder)
    upgrade_half(network)
    without = {node.nodeid for node in network.of(Old)}
    for node in network.of(New):
        found = {i for i, row in node.nodes().items() if not row["has_report"]}
        check(f"{node.label} has no report of those of 0.1.0", lambda f=found: f == without, 0)
    one, two, three, four = network.nodes.values()
    check_hang(network, four, [one, two], r"silent for \S+ s, also to node")
    check_hang(network, two, [three, four], "no answer to a ping")
    one.ask("disconnect", "node3")
    check(
        f"node1 disconnects node3 of {three.version}, which reads bye",
        lambda: [line for line in three.err if re.search(rf"{one.nodeid[:8]}.* left", line)],
    )
    network.check_mesh()
    # A new start ends the problem that it has hung. The logs tell of it; nobody has broken the protocol.
    network.replace(New, 2)
    upgrade_rest(network, "protocol")


def play_private(folder):
    secret = os.path.join(folder, "secret")
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        subprocess.run([OLD_KITHD, "--new-secret"], stdout=file, check=True)
    network = Network(folder, "-o", f"secret_file={secret}")
    upgrade_half(network)
    upgrade_rest(network)


PLAYS = {"plain": play_plain, "private": play_private}


def play():
    with tempfile.TemporaryDirectory() as folder:
        PLAYS[sys.argv[1]](folder)


if __name__ == "__main__":
    sys.exit(main("versions", play))
