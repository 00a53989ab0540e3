"""What the control socket costs: lists of many peers and addresses, events, and memory."""

import json
import os
import socket
import tempfile
import time

from parts import HELD, Goal, Metric
from targets import LOAD, LOAD_CORE, Failure, Process, start_target
from worst import BOOK_ENTRIES, LIMIT_S, settled_kb, wait_until, write_book

JOURNAL_EVENTS = 10000  # journal_events, by default
READ_BYTES = 65536


class Client:
    """A connection to the control socket, which blocks."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT_S)
        self.socket.connect(path)

    def send(self, **request):
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def read_rows(self, count=None):
        """How many lines come until an `end`, or so many; what a client makes of them is not measured."""
        lines, tail = 0, b""
        while (count is None and b'{"msgtype":"end"' not in tail) or (count is not None and lines < count):
            got = self.socket.recv(READ_BYTES)
            if not got:
                raise Failure("kithd has closed the control connection")
            lines += got.count(b"\n")
            tail = (tail + got)[-200:]
        return lines

    def ask(self, **request):
        """The last row of an answer, and how long it took in ms."""
        begin = time.monotonic()
        self.send(**request)
        rows = self.read_rows() - 1
        return rows, 1000 * (time.monotonic() - begin)

    def list(self, **request):
        """All rows of an answer, but for its end."""
        self.send(**request)
        answer = b""
        while b'{"msgtype":"end"' not in answer:
            answer += self.socket.recv(READ_BYTES)
        return [json.loads(line) for line in answer.splitlines()[:-1]]

    def info(self):
        return self.list(msgtype="info")[0]

    def close(self):
        self.socket.close()


def is_answered(path):
    try:
        Client(path).close()
        return True
    except OSError:
        return False


class ControlPart:
    """Each figure is of a kithd of its own, but for those of peers."""

    name = "control"
    title = "The control socket: lists, events and memory"
    targets = ["kithd"]
    most_rounds = 3
    seconds = 30
    metrics = [
        Metric("peers_ms", "ms to list 16,000 peers", "less", (0.1, 5000)),
        Metric("client_kb", "kB of a client that does not read the list", "less", (0, 1000)),
        Metric("book_ms", "ms to list a full address book", "less", (0.1, 5000)),
        Metric("events_per_s", "events/s to one client", "more", (1000, 1e7)),
        Metric("journal_kb", "kB of a journal with 10,000 events", "less", (100, 10000)),
        Metric("idle_kb", "kB of the socket without a client", "less", (-100, 1000)),
    ]
    goals = [
        Goal("peers_ms", 300),
        Goal("client_kb", 256),
        Goal("events_per_s", 20000),
        Goal("journal_kb", 3000),
        Goal("idle_kb", 60),
    ]

    folder = path = None
    started = 0

    def smoke_targets(self):
        return self.targets

    def run_round(self, number, names, is_smoke):
        """Yields each target's name, its figures, and what was wrong or None."""
        with tempfile.TemporaryDirectory() as folder:
            self.folder = folder
            for name in names:
                yield name, self.peers(300 if is_smoke else HELD), None
                yield name, self.book(8192 if is_smoke else BOOK_ENTRIES), None
                yield name, self.events(1000 if is_smoke else JOURNAL_EVENTS), None
                yield name, self.idle_kb(), None

    def start(self, **options):
        """With a path of its own, since a target that is killed leaves its socket behind."""
        self.started += 1
        self.path = os.path.join(self.folder, f"sock{self.started}")
        target = start_target("kithd", {"control": self.path, **options})
        wait_until(lambda: is_answered(self.path), "there is a control socket")
        return target

    def peers(self, count):
        target = self.start(max_inbound=count)
        client = Client(self.path)
        # It opens one connection more in the end, for which another one may have to go.
        load = Process([LOAD, "hold", target.address, "-c", str(count), "-t", "600"], LOAD_CORE)
        wait_until(lambda: client.info()["inbound"] >= count - 1, f"there are {count} peers", 5 * LIMIT_S)
        times = []
        for _ in range(3):
            rows, took_ms = client.ask(msgtype="peers")
            if rows < count - 1:
                raise Failure(f"{rows} peers were listed, and there are {count}")
            times.append(took_ms)
        before = settled_kb(target.pid)
        deaf = Client(self.path)
        deaf.send(msgtype="peers")
        wait_until(lambda: client.info()["clients"] == 2, "the other client is served")
        client_kb = settled_kb(target.pid) - before
        deaf.close()
        load.end()
        target.end()
        return {"peers_ms": sorted(times)[1], "client_kb": client_kb}

    def book(self, count):
        write_book(os.path.join(self.folder, "addresses.json"), count)
        target = self.start(state_dir=self.folder, max_outbound=0)
        client = Client(self.path)
        times = []
        for _ in range(3):
            rows, took_ms = client.ask(msgtype="addresses")
            if rows < count / 2:
                raise Failure(f"{rows} addresses were listed")
            times.append(took_ms)
        target.end()
        return {"book_ms": sorted(times)[1]}

    def events(self, count):
        """The journal is filled by setting a setting; then a watcher reads it, in step with more that come."""
        target = self.start(journal_events=count)
        client = Client(self.path)
        before = settled_kb(target.pid)
        for number in range(count):
            client.send(msgtype="set", setting="max_inbound", value=1000 + number % 2)
            client.read_rows(2)
        journal_kb = settled_kb(target.pid) - before
        rounds = 5
        begin = time.monotonic()
        for _ in range(rounds):
            watcher = Client(self.path)
            watcher.send(msgtype="watch", since=0)
            watcher.read_rows(count)
            watcher.close()
        took = time.monotonic() - begin
        target.end()
        return {"events_per_s": rounds * count / took, "journal_kb": journal_kb}

    def idle_kb(self):
        with_it = self.start()
        without = start_target("kithd", {"control": ""})
        figure = settled_kb(with_it.pid) - settled_kb(without.pid)
        with_it.end()
        without.end()
        return {"idle_kb": figure}
