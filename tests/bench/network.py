"""Whole networks: so many kithd processes or Serf agents, started in the same way and watched by their logs."""

import os
import re
import selectors
import signal
import subprocess
import time

from parts import Goal, Metric
from targets import KITHD, Failure, Process, next_host, wait_until_listening

READ_BYTES = 1 << 20
TICK_S = 0.5

# Until everybody knows everybody; until a process that was killed, or left, is gone everywhere.
MESH_LIMIT_S = 30
GONE_LIMIT_S = 30
TABLE_LIMIT_S = 10
TABLE_PAUSE_S = 0.05


class Node(Process):
    """One process of a network, and what it has logged of the others. Subclasses read its lines."""

    def __init__(self, name, inside, arguments):
        super().__init__([*inside, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.name = name
        self.known = set()  # the names of the others that it takes to be alive
        self.late = {}  # when it found another one late
        self.lost = []  # when it took another one to be gone, and which
        self.changed = 0.0  # when it learned the last of it
        self.rest = b""

    def take(self, data, now):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.read_line(line.decode(errors="replace"), now)

    def note(self, name, is_alive, now):
        if is_alive:
            self.known.add(name)
        else:
            self.known.discard(name)
            self.lost.append((now, name))
        self.changed = now

    def watch(self):
        """Something else to read than its log: a descriptor and who takes what comes; or nothing."""


class Kithd(Node):
    ready = re.compile(r" (?P<name>\S+) [(][0-9a-f]{8}, \S+[)] is ready after ")
    gone = re.compile(r" (?P<name>\S+) [(][0-9a-f]{8}, \S+[)] (?:failed|left|dropped|is disconnected)")
    stop_signal = signal.SIGTERM

    def __init__(self, name, host, first, inside=(), options=()):
        self.address = f"{host}:5999"
        bootstrap = ["-b", f"{first}:5999"] if first else []
        self.table = None
        command = [KITHD, "-c", "/dev/null", "-l", self.address, "-o", f"name={name}", *bootstrap, *options]
        super().__init__(name, inside, command)

    def read_line(self, line, now):
        ready, gone = self.ready.search(line), self.gone.search(line)
        if ready:
            self.note(ready["name"], True, now)
        elif gone:
            self.note(gone["name"], False, now)
        elif line.startswith("# kithd"):
            self.table = None
            self.rows = set()
        elif line.startswith("# end"):
            self.table = self.rows
        elif " READY " in line:
            self.rows.add(line.split()[1])


class Serf(Node):
    event = re.compile(r" EventMember(Join|Failed|Leave): (\S+) ")
    suspicion = re.compile(r" memberlist: Suspect (\S+) has failed")
    stop_signal = signal.SIGINT

    def __init__(self, name, host, first, inside=()):
        self.address = f"{host}:7946"
        join = [f"-join={first}:7946"] if first else []
        super().__init__(
            name,
            inside,
            ["serf", "agent", f"-node={name}", f"-bind={self.address}", f"-rpc-addr={host}:7373"]
            + ["-profile=lan", "-log-level=info", *join],
        )

    def read_line(self, line, now):
        event, suspicion = self.event.search(line + " "), self.suspicion.search(line)
        if suspicion:
            self.late[suspicion.group(1)] = now
        if event and event.group(2) != self.name:
            self.note(event.group(2), event.group(1) == "Join", now)


class Network:
    """All of its processes are in the network namespace that inside, the beginning of a command, enters."""

    def __init__(self, kind, size, inside=()):
        self.selector = selectors.DefaultSelector()
        self.nodes = []
        self.ended = []
        self.inside = inside
        first = next_host()
        self.start(kind, "n0", first, None)
        wait_until_listening(self.nodes[0], self.nodes[0].address)
        for i in range(1, size):
            self.last_start = time.monotonic()
            self.start(kind, f"n{i}", next_host(), first)

    def start(self, kind, name, host, first):
        node = kind(name, host, first, self.inside)
        self.nodes.append(node)
        self.selector.register(node.child.stdout, selectors.EVENT_READ, node)

    def watch(self):
        for node in self.nodes:
            if watched := node.watch():
                self.selector.register(watched[0], selectors.EVENT_READ, watched[1])

    def wait_for(self, condition, what, limit_s):
        """Reads what the nodes log until the condition holds."""
        end = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > end:
                raise Failure(f"not within {limit_s} s: {what}")
            self.read()

    def rest(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read()

    def read(self):
        for key, _ in self.selector.select(TICK_S):
            data = os.read(key.fd, READ_BYTES)
            if data:
                key.data.take(data, time.monotonic())
            else:
                self.selector.unregister(key.fileobj)

    def mesh_ms(self):
        """From the start of the last process until each knows all the others."""
        others = len(self.nodes) - 1
        self.wait_for(
            lambda: all(len(node.known) == others for node in self.nodes),
            f"{others + 1} nodes know each other",
            MESH_LIMIT_S,
        )
        if isinstance(self.nodes[0], Kithd):
            self.wait_for_tables()
        return 1000 * (max(node.changed for node in self.nodes) - self.last_start)

    def gone_ms(self, number):
        """Sends a signal to the last node; until all the others know that it is gone."""
        node = self.nodes.pop()
        self.ended.append(node)
        begin = time.monotonic()
        os.kill(node.pid, number)
        self.wait_for(
            lambda: not any(node.name in other.known for other in self.nodes), f"{node.name} is gone", GONE_LIMIT_S
        )
        return 1000 * (max(other.changed for other in self.nodes) - begin)

    def resident_kb(self):
        """The mean over the nodes."""
        return sum(resident_kb(node.pid) for node in self.nodes) / len(self.nodes)

    def cpu_s(self):
        return sum(cpu_s(node.pid) for node in self.nodes)

    def tables_differ(self):
        """What one of kithd's own tables lacks or has too much, or None."""
        for node in self.nodes:
            node.table = None
            os.kill(node.pid, signal.SIGUSR1)
        self.wait_for(
            lambda: all(node.table is not None for node in self.nodes), "every table is printed", TABLE_LIMIT_S
        )
        for node in self.nodes:
            others = {other.name for other in self.nodes if other is not node}
            if node.table != others:
                return f"{node.name}'s table: {', '.join(sorted(node.table ^ others))}"
        return None

    def wait_for_tables(self):
        """The tables must say what the logs have said; two nodes may still be choosing one of two connections."""
        end = time.monotonic() + MESH_LIMIT_S
        while difference := self.tables_differ():
            if time.monotonic() > end:
                raise Failure(f"wrong after {MESH_LIMIT_S} s: {difference}")
            time.sleep(TABLE_PAUSE_S)

    def end(self):
        for node in self.nodes + self.ended:
            node.end()
        self.selector.close()


def cpu_s(pid):
    """The processor time of a process so far, by the clock that clock_getcpuclockid(3) names."""
    return time.clock_gettime(~pid << 3 | 2)


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


class NetworkPart:
    """Networks of several sizes; the middle one loses two nodes."""

    name = "network"
    title = "Whole networks of kithd and of Serf (LAN profile), one bootstrap"
    targets = ["kithd", "serf"]
    sizes = [10, 20, 50]
    smoke_sizes = [5]
    most_rounds = 3
    seconds = 25
    kinds = {"kithd": Kithd, "serf": Serf}

    def __init__(self):
        self.metrics = [
            Metric(f"mesh{size}_ms", f"{size} nodes: until everybody knows everybody, ms", "less", (1, 30000))
            for size in self.smoke_sizes + self.sizes
        ] + [
            Metric("gone_ms", "20 nodes: until a killed one is gone everywhere, ms", "less", (0.1, 30000)),
            Metric("leave_ms", "20 nodes: until one that leaves is gone everywhere, ms", "less", (0.1, 30000)),
            Metric("resident_kb", "20 nodes: resident kB of a node", "less", (100, 1e6)),
        ]
        self.goals = [Goal(f"mesh{size}_ms", 0.5, "serf") for size in self.sizes] + [
            Goal("gone_ms", 30),
            Goal("leave_ms", 20),
            Goal("resident_kb", 3072),
        ]

    def smoke_targets(self):
        return self.targets

    def run_round(self, number, names, is_smoke):
        """Yields each target's name, its figures, and what was wrong or None."""
        sizes = self.smoke_sizes if is_smoke else self.sizes
        for size in sizes:
            networks = {}
            try:
                for name in names:
                    networks[name] = Network(self.kinds[name], size)
                    yield name, {f"mesh{size}_ms": networks[name].mesh_ms()}, None
                    if size != sizes[len(sizes) // 2]:
                        networks.pop(name).end()
                yield from self.lose_nodes(networks, is_smoke)
            finally:
                for network in networks.values():
                    network.end()

    def lose_nodes(self, networks, is_smoke):
        for name, network in networks.items():
            yield name, {"resident_kb": network.resident_kb()}, None
            yield name, {"leave_ms": network.gone_ms(self.kinds[name].stop_signal)}, None
            if name == "kithd" or not is_smoke:  # Serf takes up to ten seconds to find out
                yield name, {"gone_ms": network.gone_ms(signal.SIGKILL)}, None
            if name == "kithd":
                network.wait_for_tables()
