"""The kithd processes of a scenario, one on each host, watched by their logs and by the tables that SIGUSR1 prints."""

import json
import os
import re
import selectors
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

from hosts import Failure

BUILD = os.environ.get("BUILD", "build")
KITHD = os.environ.get("KITHD", os.path.join(BUILD, "kithd"))
KITH = os.environ.get("KITH", os.path.join(BUILD, "kith"))
SLOW = float(os.environ.get("SLOW", "1"))

READ_BYTES = 1 << 20
TICK_S = 0.2
TABLE_LIMIT_S = 10
TABLE_PAUSE_S = 0.1

LOGGED = re.compile(r"\d{4}-\d\d-\d\dT")
READY = re.compile(r"[(][0-9a-f]{8}, 10\.\d+\.0\.(\d+):\d+[)] is ready after ")
GONE = re.compile(r"[(][0-9a-f]{8}, 10\.\d+\.0\.(\d+):\d+[)] (?:failed|left|dropped|is disconnected)")


DAY_S = 86400


def seconds_ago(line):
    """How long ago a line of the log was written, by its own time; the clock may be off by whole days."""
    hours, minutes, seconds = line[11:23].split(":")
    ago_s = (time.time() - int(hours) * 3600 - int(minutes) * 60 - float(seconds)) % DAY_S
    return ago_s if ago_s < DAY_S / 2 else 0.0


class Source:
    """Something that lines come from, and who takes them."""

    def __init__(self, take_line):
        self.take_line = take_line
        self.rest = b""

    def take(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.take_line(line.decode(errors="replace"))


@dataclass
class Problem:
    kind: str
    text: str
    raised: float
    over: float = None


class Node:
    """One kithd. Who is at the far end of a connection is told by its host, since a nodeid may be on two of them."""

    def __init__(self, number, arguments, has_control):
        self.number = number
        self.has_control = has_control
        self.child = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.known = set()  # the hosts of its peers
        self.lines = []  # (when it was written, a line of the log)
        self.table = None  # [(host, RTT in ms)] of the READY peers
        self.rows = []
        self.events = None  # its control socket
        self.problems = {}  # number: each that it has raised

    def signal(self, number):
        self.child.send_signal(number)

    def has_problems(self):
        return any(problem.over is None for problem in self.problems.values())

    def says(self, words):
        return any(words in line for _, line in self.lines)


class Mesh:
    def __init__(self, hosts):
        self.hosts = hosts
        self.selector = selectors.DefaultSelector()
        self.nodes = {}
        self.ended = []
        self.losses = []  # (when, who, whom, the line)
        self.gains = []  # (when, who, whom)
        self.lates = []  # (when, who, whom)

    def start(self, i, arguments, prefix=(), program=KITHD):
        command = [*self.hosts.inside(i), *prefix, program, "-c", "/dev/null", "-l", self.hosts.address(i)]
        if "CHAOS_SECRET" in os.environ:
            command += ["-o", f"secret_file={os.environ['CHAOS_SECRET']}"]
        has_control = program == KITHD  # version 0.1.0 has none
        if has_control:
            command += ["-o", f"control={self.control(i)}"]
        node = Node(i, [*command, "-o", f"name=h{i}", *arguments], has_control)
        self.nodes[i] = node
        self.listen(node.child.stdout, lambda line: self.read_line(node, line))

    def control(self, i):
        return f"/run/{self.hosts.name}-{i}.control"

    def listen(self, source, take_line):
        self.selector.register(source, selectors.EVENT_READ, Source(take_line))

    def watch_events(self, i):
        """From now on it is noted whom the node finds late, and what problems of the network it finds."""
        node = self.nodes[i]
        if not node.has_control:
            return
        node.events = socket.socket(socket.AF_UNIX)
        node.events.connect(self.control(i))
        node.events.sendall(b'{"msgtype":"watch","kinds":["peer_late","problem","problem_over"]}\n')
        self.listen(node.events, lambda line: self.read_event(node, line))

    def read_event(self, node, line):
        event = json.loads(line)
        if event.get("kind") == "peer_late":
            self.lates.append((time.monotonic(), node.number, int(event["name"].removeprefix("h"))))
        elif event.get("kind") == "problem":
            node.problems[event["problem"]] = Problem(event["value"], event["reason"], time.monotonic())
        elif event.get("kind") == "problem_over" and event["problem"] in node.problems:
            node.problems[event["problem"]].over = time.monotonic()

    def ask(self, i, *arguments):
        """The rows that kith prints of this node."""
        command = [KITH, "-s", self.control(i), *arguments, "-j"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=TABLE_LIMIT_S * SLOW, check=False)
        if result.returncode != 0:
            raise Failure(f"kith {' '.join(arguments)}: {result.stderr.strip()}")
        return [json.loads(line) for line in result.stdout.splitlines()]

    def read(self, timeout_s):
        for key, _ in self.selector.select(timeout_s):
            data = os.read(key.fd, READ_BYTES)
            if not data:
                self.selector.unregister(key.fileobj)
                continue
            key.data.take(data)

    def read_line(self, node, line):
        if line.startswith("# kithd"):
            node.rows = []
        elif line == "# end":
            node.table = node.rows
        elif LOGGED.match(line):
            when = time.monotonic() - seconds_ago(line)
            node.lines.append((when, line))
            self.read_log(node, line, when)
        elif " READY " in line:
            words = line.split()
            rtt = None if words[6] == "-" else float(words[6])
            node.rows.append((int(words[2].rsplit(":", 1)[0].rsplit(".", 1)[1]), rtt))

    def read_log(self, node, line, when):
        ready, gone = READY.search(line), GONE.search(line)
        if ready:
            node.known.add(int(ready.group(1)))
            self.gains.append((when, node.number, int(ready.group(1))))
        elif gone:
            node.known.discard(int(gone.group(1)))
            self.losses.append((when, node.number, int(gone.group(1)), line))

    def wait_for(self, condition, limit_s):
        """Reads what the nodes log until the condition holds: true, or false at the limit."""
        end = time.monotonic() + limit_s
        while not condition():
            self.must_run()
            left_s = end - time.monotonic()
            if left_s <= 0:
                return False
            self.read(min(TICK_S, left_s))
        return True

    def watch(self, seconds):
        self.wait_for(lambda: False, seconds)

    def must_run(self):
        for node in self.nodes.values():
            if node.child.poll() is not None:
                raise Failure(f"h{node.number} ended by itself, status {node.child.returncode}")

    def is_whole(self, among):
        return all(self.nodes[i].known.issuperset(set(among) - {i}) for i in among)

    def take_tables(self, among):
        for i in among:
            self.nodes[i].table = None
            self.nodes[i].signal(signal.SIGUSR1)
        if not self.wait_for(lambda: all(self.nodes[i].table is not None for i in among), TABLE_LIMIT_S * SLOW):
            raise Failure("a table isn't printed")
        return {i: self.nodes[i].table for i in among}

    def tables_agree(self, among):
        tables = self.take_tables(among)
        return all(sorted(host for host, _ in tables[i]) == sorted(set(among) - {i}) for i in among)

    def become_whole(self, among, limit_s, settle_s=0):
        """
        Waits until each of them knows all the others, their tables say the same, and nobody is lost again in the time
        that is given to settle. When it was whole, or None.
        """
        end = time.monotonic() + limit_s
        while self.wait_for(lambda: self.is_whole(among), end - time.monotonic()):
            last = max(when for when, who, _ in self.gains if who in among)
            seen = len(self.losses)
            if self.tables_agree(among):
                self.watch(settle_s)
                if len(self.losses) == seen:
                    return last
            self.watch(TABLE_PAUSE_S)
        return None

    def stop(self, i, number):
        """Sends one node a signal that ends it. The node, which is none of the mesh any more."""
        node = self.nodes.pop(i)
        self.ended.append(node)
        node.signal(number)
        return node

    def end(self):
        for node in [*self.nodes.values(), *self.ended]:
            node.child.kill()
            node.child.wait()
            node.child.stdout.close()
            if node.events:
                node.events.close()
        self.selector.close()
