"""Whole networks at rest, and one of their processes hangs: how soon the others notice, beside Serf."""

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from statistics import median

from control import Client
from network import Kithd, Network, Serf, cpu_s
from parts import Goal, Metric
from targets import Failure, Process

GONE_LIMIT_S = 60
BACK_LIMIT_S = 60


class Events:
    """What comes on the control socket of a node that is watched."""

    def __init__(self, node):
        self.node = node
        self.rest = b""

    def take(self, data, now):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            if event.get("kind") == "peer_late":
                self.node.late[event["name"]] = now


class WatchedKithd(Kithd):
    """All of its settings have their defaults, but that its control socket is where no other node's is."""

    def __init__(self, name, host, first, inside=()):
        self.folder = tempfile.TemporaryDirectory(prefix="kith-bench-")
        self.control = os.path.join(self.folder.name, "control")
        self.client = None
        super().__init__(name, host, first, inside, ["-o", f"control={self.control}"])

    def watch(self):
        self.client = Client(self.control)
        self.client.send(msgtype="watch", kinds=["peer_late"])
        return self.client.socket, Events(self)

    def bytes_out(self):
        """What it has sent on the connections that it has now."""
        client = Client(self.control)
        try:
            rows = client.list(msgtype="peers")
        finally:
            client.close()
        return sum(row["bytes_out"] for row in rows if row["msgtype"] == "peer")

    def end(self):
        super().end()
        if self.client:
            self.client.close()
        self.folder.cleanup()


KINDS = {"kithd": WatchedKithd, "serf": Serf}


class Trials:
    """One network of which one process after the other hangs (SIGSTOP) until all others know that it is gone."""

    def __init__(self, kind, size, count, pause_s):
        self.network = Network(kind, size)
        self.count = count
        self.pause_s = pause_s
        self.late_s = []
        self.gone_s = []
        self.alarms = 0
        self.problem = None

    def is_whole(self):
        nodes = self.network.nodes
        return all(len(node.known) == len(nodes) - 1 for node in nodes)

    def run(self, warm_s):
        try:
            self.network.mesh_ms()
            self.network.watch()
            self.network.rest(warm_s)
            victims = []
            for _ in range(self.count):
                victims = victims or random.sample(self.network.nodes, len(self.network.nodes))
                self.hang(victims.pop())
                self.network.rest(self.pause_s)
        except (Failure, OSError) as problem:
            self.problem = str(problem)

    def hang(self, victim):
        others = [node for node in self.network.nodes if node is not victim]
        for node in self.network.nodes:
            node.late.clear()
            node.lost.clear()
        begin = time.monotonic()
        os.kill(victim.pid, signal.SIGSTOP)
        try:
            self.network.wait_for(
                lambda: not any(victim.name in node.known for node in others), f"{victim.name} is gone", GONE_LIMIT_S
            )
        finally:
            os.kill(victim.pid, signal.SIGCONT)
        gone = [when for node in others for when, name in node.lost if name == victim.name]
        late = [node.late[victim.name] for node in others if victim.name in node.late]
        self.late_s.append(min(late + gone) - begin)
        self.gone_s.append(max(gone) - begin)
        self.network.wait_for(self.is_whole, f"all know {victim.name} again", BACK_LIMIT_S)
        self.alarms += sum(name != victim.name for node in others for _, name in node.lost)

    def figures(self):
        size = len(self.network.nodes)
        if not self.gone_s:
            return {}
        return {
            f"late{size}_s": median(self.late_s),
            f"latest{size}_s": max(self.late_s),
            f"gone{size}_s": median(self.gone_s),
            f"last{size}_s": max(self.gone_s),
            f"alarms{size}": self.alarms,
        }


class SilencePart:
    """Networks of two sizes, of kithd and of Serf, all at the same time."""

    name = "silence"
    title = "Networks of kithd and of Serf (LAN profile), one bootstrap, of which one process hangs"
    targets = ["kithd", "serf"]
    sizes = [5, 20]
    trials = 20
    warm_s = 50  # a node of 20 has then pinged each of the others twice, so they know when its next ping is due
    pause_s = 6
    most_rounds = 1
    seconds = 420

    def __init__(self):
        self.metrics = []
        for size in self.sizes:
            hangs = f"{size} nodes, one hangs:"
            self.metrics += [
                Metric(f"late{size}_s", f"{hangs} it is late (Serf: suspect) somewhere, s, median", "less", (0.5, 20)),
                Metric(f"latest{size}_s", f"{hangs} it is late (Serf: suspect) somewhere, s, worst", "less", (0.5, 20)),
                Metric(f"gone{size}_s", f"{hangs} it is gone everywhere, s, median", "less", (2, 60)),
                Metric(f"last{size}_s", f"{hangs} it is gone everywhere, s, worst", "less", (2, 60)),
                Metric(f"alarms{size}", f"{hangs} others that were taken to be gone", "less", (0, 0)),
            ]
        self.goals = [Goal(f"late{size}_s", 2) for size in self.sizes]
        self.goals += [Goal(f"last{size}_s", 7) for size in self.sizes]
        self.goals += [Goal(f"alarms{size}", 0) for size in self.sizes]

    def smoke_targets(self):
        return ["kithd"]  # Serf takes some seconds more

    def run_round(self, _, names, is_smoke):
        """Yields each target's name, its figures, and what was wrong or None."""
        sizes, count = (self.sizes[:1], 1) if is_smoke else (self.sizes, self.trials)
        runs = [(name, Trials(KINDS[name], size, count, 0 if is_smoke else self.pause_s)) for size in sizes for name in names]
        threads = [threading.Thread(target=trials.run, args=(1 if is_smoke else self.warm_s,)) for _, trials in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name, trials in runs:
            yield name, trials.figures(), trials.problem
            trials.network.end()


def make_namespace():
    """A network namespace without anything but loopback: the process that holds it, and how a command begins there."""
    holder = Process(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec sleep infinity"],
        stdout=subprocess.PIPE,
    )
    if holder.child.stdout.readline() != b"ready\n":
        raise Failure(f"no network namespace: {holder.last_errors()}")
    return holder, ["nsenter", f"--net=/proc/{holder.pid}/ns/net", "--"]


def wire_bytes(pid):
    """What the loopback of its namespace has carried, without the 14 bytes that it adds to each packet."""
    with open(f"/proc/{pid}/net/dev", encoding="ascii") as lines:
        words = next(words for words in map(str.split, lines) if words[0] == "lo:")
    return int(words[9]) - 14 * int(words[10])


class Quiet:
    """A network in a namespace of its own, and what it has used so far."""

    def __init__(self, kind, size):
        can_enter = os.geteuid() == 0 and all(shutil.which(name) for name in ("unshare", "nsenter", "ip"))
        self.holder, inside = make_namespace() if can_enter else (None, ())
        self.network = Network(kind, size, inside)
        self.network.mesh_ms()

    def use(self):
        """What it costs to ask for the bytes is measured once, and is a thousandth of a second."""
        nodes = self.network.nodes
        used = {"cpu_s": self.network.cpu_s()}
        if self.holder:
            used["wire"] = wire_bytes(self.holder.pid)
        if isinstance(nodes[0], WatchedKithd):
            used["bytes"] = sum(node.bytes_out() for node in nodes)
        return used

    def end(self):
        self.network.end()
        if self.holder:
            self.holder.end()


class RestPart:
    """Each network in a namespace of its own, for what goes over the wire; without root that isn't counted."""

    name = "rest20"
    title = "20 nodes of kithd and of Serf (LAN profile) at rest"
    targets = ["kithd", "serf"]
    size, smoke_size = 20, 5
    settle_s, rest_s = 45, 60
    most_rounds = 1
    seconds = 115
    metrics = [
        Metric("cpu_percent", "% of a core of a node", "less", (0, 100)),
        Metric("bytes_per_s", "bytes/s that a node sends, as the protocol counts them", "less", (1, 1e4)),
        Metric("wire_per_s", "bytes/s that a node sends, with the headers of TCP (or UDP) and IP", "less", (1, 1e5)),
    ]
    goals = [Goal("cpu_percent", 0.06), Goal("bytes_per_s", 250), Goal("wire_per_s", 250)]

    def smoke_targets(self):
        return ["kithd"]

    def run_round(self, _, names, is_smoke):
        """Yields each target's name, its figures, and what was wrong or None."""
        size = self.smoke_size if is_smoke else self.size
        settle_s, rest_s = (1, 2) if is_smoke else (self.settle_s, self.rest_s)
        quiets = {name: Quiet(KINDS[name], size) for name in names}
        time.sleep(settle_s)
        begin, before = time.monotonic(), {name: quiet.use() for name, quiet in quiets.items()}
        time.sleep(rest_s)
        elapsed, after = time.monotonic() - begin, {name: quiet.use() for name, quiet in quiets.items()}
        for name, quiet in quiets.items():
            used = {key: (after[name][key] - before[name][key]) / elapsed / size for key in after[name]}
            figures = {"cpu_percent": 100 * used["cpu_s"]}
            figures |= {f"{key}_per_s": used[key] for key in ("bytes", "wire") if key in used}
            yield name, figures, None
            quiet.end()
