"""The worst case of kithd's memory: peers that make it hold as much as they can, a full address book, bans."""

import json
import os
import random
import select
import signal
import re
import socket
import subprocess
import tempfile
import time

from parts import Metric
from targets import Failure, next_host, start_target

LINE_BYTES = 131072
BOOK_ENTRIES = 81920  # max_addresses, by default
BAN_HOSTS = 1024  # as many as kithd remembers
OUTBOX_BYTES = 1048576  # max_outbox, by default
PINGS_AT_ONCE = 500
SETTLE_S = 0.3
LIMIT_S = 60
PING = b'{"msgtype":"ping"}\n'
PONG = b'{"msgtype":"pong"}\n'
# Of all lines of 4,096 values that were tried, the one that json-c needs most memory for: nested objects.
NESTED = '{"":' * 13 + "{}" + "}" * 13


def private_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def status_number(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def settled_kb(pid):
    """Private memory once it has stopped to grow."""
    end = time.monotonic() + LIMIT_S
    before = -1
    while (now := private_kb(pid)) != before:
        if time.monotonic() > end:
            raise Failure("the memory of kithd doesn't settle")
        before = now
        time.sleep(SETTLE_S)
    return now


def wait_until(condition, what, limit_s=LIMIT_S):
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"not within {limit_s} s: {what}")
        time.sleep(0.01)


def write_book(path, count):
    """Of so many networks that nearly all find a place."""
    choose = random.Random(1)
    now = int(time.time())
    with open(path, "w", encoding="ascii") as file:
        file.write(f'{{"format":"kith addresses","version":1,"saved":{now},\n"addresses":[\n')
        for number in range(count):
            network = f"{choose.randrange(1, 9)}.{choose.randrange(256)}.{choose.randrange(256)}"
            record = {
                "address": f"{network}.{choose.randrange(1, 255)}:5999",
                "kind": choose.choice(["new", "tried"]),
                "nodeid": f"600d0000-0000-4000-8000-{number:012x}",
                "heard": now,
                "told_by": f"{choose.randrange(1, 9)}.{choose.randrange(256)}.1.1",
            }
            file.write(json.dumps(record, separators=(",", ":")) + (",\n" if number + 1 < count else "\n"))
        file.write("]}\n")


def worst_line():
    head, tail = '{"msgtype":"unknown","x":[', '0],"y":"'
    text = head + (NESTED + ",") * 270 + tail
    return (text + "y" * (LINE_BYTES - len(text) - 3) + '"}\n').encode()


def kernel_kb(address, words):
    """What the kernel holds for each connection of a node, kB: of skmem in ss(8) the sum of these, r read, t and w written."""
    host, port = address.rsplit(":", 1)
    arguments = ["ss", "-tnmH", "state", "established", "src", host, "sport", "=", f":{port}"]
    output = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True).stdout
    found = re.findall(r"skmem:\(r([0-9]+),rb[0-9]+,t([0-9]+),tb[0-9]+,f[0-9]+,w([0-9]+)", output)
    return [sum(int(one[" rtw".index(word) - 1]) for word in words) / 1024 for one in found]


class BadPeer:
    """A connection with a host and a nodeid of its own, which blocks."""

    def __init__(self, target, number, source=None):
        host, port = target.address.rsplit(":", 1)
        self.socket = socket.socket()
        self.socket.settimeout(LIMIT_S)
        self.socket.bind((source or f"127.99.{number // 250}.{number % 250 + 1}", 0))
        self.socket.connect((host, int(port)))
        self.rest = b""

    def join(self, number):
        self.socket.sendall(b'{"msgtype":"hello","nodeid":"bad00000-0000-4000-8000-%012x"}\n' % number)
        self.read_until(b'"ping"')
        self.socket.sendall(PONG)

    def read_until(self, word):
        while word not in self.rest:
            got = self.socket.recv(65536)
            if not got:
                raise Failure(f"kithd has closed a connection after {self.rest[-100:]}")
            self.rest += got
        self.rest = b""

    def is_closed(self):
        events = select.poll()
        events.register(self.socket, select.POLLHUP | select.POLLERR)
        return bool(events.poll(0))

    def close(self):
        self.socket.close()


def send_to_all(peers, data):
    """To all at the same time, so that none of the lines is done before the others."""
    left = {peer.socket: memoryview(data) for peer in peers}
    for peer in peers:
        peer.socket.setblocking(False)
    while left:
        for writable in select.select([], list(left), [])[1]:
            left[writable] = left[writable][writable.send(left[writable]) :]
            if not left[writable]:
                del left[writable]
    for peer in peers:
        peer.socket.settimeout(LIMIT_S)


class WorstPart:
    """Each figure is of a kithd of its own."""

    name = "worst"
    title = "Private memory of kithd, when others make it hold as much as they can"
    targets = ["kithd"]
    most_rounds = 1
    seconds = 60
    goals = []
    options = {
        "max_outbound": 0,  # who is told of addresses would dial them
        "handshake_timeout": 600,  # how long a line may be unfinished
        "max_parked": 0,
    }
    metrics = [
        Metric("base_kb", "a node without peers, kB", "less", (300, 20000)),
        Metric("idle_kb", "kB per peer: idle", "less", (1, 100)),
        Metric("addresses_kb", "kB per peer: and has told 2,000 addresses", "less", (1, 200)),
        Metric("outbox_kb", "kB per peer: and reads nothing, its outbox full", "less", (500, 3000)),
        Metric("unsent_kb", "kB in the kernel for one of those, at the most", "less", (100, 1000)),
        Metric("line_kb", "kB per peer: and has begun a line of 131,072 bytes", "less", (500, 4000)),
        Metric("unread_kb", "kB in the kernel for a peer that is held back, at the most", "less", (100, 1000)),
        Metric("parse_kb", "kB at the peak, one line of 4,096 values", "less", (100, 10000)),
        Metric("parse_all_kb", "kB per peer at the peak, such a line from each at once", "less", (100, 10000)),
        Metric("book_bytes", "bytes per address of a full address book", "less", (50, 2000)),
        Metric("book_start_bytes", "the same at the peak, when its file is read", "less", (50, 4000)),
        Metric("book_saved_bytes", "the same after it was saved", "less", (50, 4000)),
        Metric("book_save_bytes", "the same at the peak of reading and saving", "less", (50, 4000)),
        Metric("ban_bytes", "bytes per banned host", "less", (50, 4000)),
    ]

    def smoke_targets(self):
        return self.targets

    def run_round(self, number, names, is_smoke):
        """Yields each target's name, its figures, and what was wrong or None."""
        for name in names:
            yield name, self.peers_kb(16 if is_smoke else 128), None
            yield name, self.unread_kb(16), None
            yield name, self.parse_kb(16 if is_smoke else 128), None
            yield name, self.book_bytes(8192 if is_smoke else BOOK_ENTRIES), None
            yield name, self.ban_bytes(), None

    def start(self, **options):
        return start_target("kithd", {**self.options, **options})

    def join(self, target, count):
        peers = [BadPeer(target, number) for number in range(count)]
        for number, peer in enumerate(peers):
            peer.join(number)
        return peers

    def pings_to_fill(self, target):
        """How many pings the node answers to somebody who reads nothing, until it closes the connection."""
        peer = BadPeer(target, 0)
        peer.join(0)
        count = 0
        while not peer.is_closed():
            if count * len(PONG) > 16 * OUTBOX_BYTES:
                raise Failure("kithd answers for ever to who doesn't read")
            peer.socket.sendall(PING * PINGS_AT_ONCE)
            count += PINGS_AT_ONCE
            time.sleep(0.01)
        peer.close()
        return count

    def peers_kb(self, count):
        """What is held grows from one figure to the next."""
        target = self.start(ping_interval=1, ping_timeout=600, share_within=601)
        figures = {"base_kb": settled_kb(target.pid)}
        threads = status_number(target.pid, "Threads")
        pings = self.pings_to_fill(target) * 15 // 16
        teller = BadPeer(target, 0)
        teller.join(0)
        self.tell_addresses([teller])  # the book itself is another figure
        teller.close()
        before = settled_kb(target.pid)
        peers = self.join(target, count)
        wait_until(lambda: status_number(target.pid, "Threads") == threads + 2 * count, "each peer has two threads")

        def look():
            return (settled_kb(target.pid) - before) / count

        figures["idle_kb"] = look()
        self.tell_addresses(peers)
        figures["addresses_kb"] = look()
        for _ in range(pings // PINGS_AT_ONCE):
            send_to_all(peers, PING * PINGS_AT_ONCE)
        figures["outbox_kb"] = look()
        figures["unsent_kb"] = max(kernel_kb(target.address, "tw"))
        send_to_all(peers, b"{" + b" " * (LINE_BYTES - 2))
        figures["line_kb"] = look()
        if any(peer.is_closed() for peer in peers):
            raise Failure("kithd has closed a connection whose outbox should not be full")
        self.end(target, peers)
        return figures

    def tell_addresses(self, peers):
        for first in (0, 1000):
            entries = [f"127.98.{number // 250}.{number % 250 + 1}:9" for number in range(first, first + 1000)]
            line = json.dumps({"msgtype": "addr", "peers": entries}).encode() + b"\n"
            send_to_all(peers, line + PING)
            for peer in peers:
                peer.read_until(b'"pong"')

    def unread_kb(self, count):
        """Of short and long lines and of single bytes, the one that the kernel needs most memory for."""
        most_kb = 0
        for block in (PING * 1000, b"x" * 65536, b"\n"):
            target = self.start(max_message_rate=1)
            peers = self.join(target, count)
            send_to_all(peers, PING * 100)  # which is more than the burst
            for peer in peers:
                peer.socket.setblocking(False)
                quiet = 0
                for _ in range(100000):
                    try:
                        peer.socket.send(block)
                    except BlockingIOError:
                        quiet += 1
                        time.sleep(0.001)
                    if quiet > 50:
                        break
            most_kb = max(most_kb, *kernel_kb(target.address, "r"))
            self.end(target, peers)
        return {"unread_kb": most_kb}

    def parse_kb(self, count):
        figures = {}
        for key, peer_count in (("parse_kb", 1), ("parse_all_kb", count)):
            target = self.start()
            peers = self.join(target, peer_count)
            settled_kb(target.pid)
            before = status_number(target.pid, "VmRSS")
            send_to_all(peers, worst_line() + PING)
            for peer in peers:
                peer.read_until(b'"pong"')
            figures[key] = (status_number(target.pid, "VmHWM") - before) / peer_count
            self.end(target, peers)
        return figures

    def book_bytes(self, count):
        base = self.start()
        base_kb = settled_kb(base.pid)
        base.end()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "addresses.json")
            write_book(path, count)
            target = self.start(state_dir=folder, save_interval=1)
            teller = BadPeer(target, 0)
            teller.join(0)  # which is answered once the book is read
            kb, peak_kb = settled_kb(target.pid) - base_kb, status_number(target.pid, "VmHWM") - base_kb
            written = os.stat(path).st_ino
            self.tell_addresses([teller])
            wait_until(lambda: os.stat(path).st_ino != written, "the book is saved")
            saved_kb = settled_kb(target.pid) - base_kb
            saved_peak_kb = status_number(target.pid, "VmHWM") - base_kb
            teller.close()
            os.kill(target.pid, signal.SIGTERM)
            target.child.wait(LIMIT_S)
            with open(path, encoding="ascii") as lines:
                known = sum(line.startswith('{"address"') for line in lines)
            target.end()
        return {
            "book_entries": known,
            "book_bytes": 1024 * kb / known,
            "book_start_bytes": 1024 * peak_kb / known,
            "book_saved_bytes": 1024 * saved_kb / known,
            "book_save_bytes": 1024 * saved_peak_kb / known,
        }

    def ban_bytes(self):
        """Once from the host that is never banned, for what errors leave behind that isn't the table's."""
        target = self.start(ban_after=1)
        kb = []
        for host in ("127.0.0.1", None):
            for number in range(BAN_HOSTS):
                peer = BadPeer(target, number, host)
                peer.socket.sendall(b"garbage\n")
                while peer.socket.recv(65536):
                    pass
                peer.close()
            kb.append(settled_kb(target.pid))
        self.end(target, [])
        return {"ban_bytes": 1024 * (kb[1] - kb[0]) / BAN_HOSTS}

    def end(self, target, peers):
        for peer in peers:
            peer.close()
        target.end()
