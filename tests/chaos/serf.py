"""A Serf agent on each host, beside kithd: what it says of the same trouble. Nothing is asserted of it."""

import re
import shutil
import subprocess
import time

EVENT = re.compile(r" EventMember(Join|Failed|Leave): h(\d+) ")
SUSPICION = re.compile(r" memberlist: Suspect h(\d+) has failed")


def is_there():
    return shutil.which("serf") is not None


class Serf:
    def __init__(self, hosts, mesh):
        self.hosts = hosts
        self.mesh = mesh
        self.children = {}
        self.known = {}  # host: those that it takes to be alive
        self.suspicions = []  # (when, who, whom)
        self.losses = []  # (when, who, whom)

    def start(self, i):
        first = 1 if i != 1 else 2
        bind = f"{self.hosts.host(i)}:7946"
        self.known[i] = set()
        self.children[i] = subprocess.Popen(
            [*self.hosts.inside(i), "serf", "agent", f"-node=h{i}", f"-bind={bind}", "-rpc-addr=127.0.0.1:7373"]
            + ["-profile=lan", "-log-level=info", f"-retry-join={self.hosts.host(first)}:7946", "-retry-interval=1s"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.mesh.listen(self.children[i].stdout, lambda line: self.read_line(i, line))

    def read_line(self, i, line):
        now = time.monotonic()
        event, suspicion = EVENT.search(line + " "), SUSPICION.search(line)
        if suspicion:
            self.suspicions.append((now, i, int(suspicion.group(1))))
        elif event and int(event.group(2)) != i:
            whom = int(event.group(2))
            if event.group(1) == "Join":
                self.known[i].add(whom)
            else:
                self.known[i].discard(whom)
                self.losses.append((now, i, whom))

    def signal(self, i, number):
        self.children[i].send_signal(number)

    def is_whole(self):
        return all(len(known) == len(self.known) - 1 for known in self.known.values())

    def end(self):
        for child in self.children.values():
            child.kill()
            child.wait()
            child.stdout.close()
