"""What one connection may cost: a peer that sends one kind of message, as fast as it is read, at the default limits."""

import itertools
import json
import select
import socket
import time

from parts import Goal, Metric
from targets import Failure, start_target

LINE_BYTES = 131072
VALUES = 4090  # commas and openings of a list, at most; each 128 make a message count as one more
WARM_UP_S = 1.5  # in which the burst passes
MEASURED_S = 2.5
MOST_PERCENT = 5
# Of all lines that were tried, the one of objects within objects that takes json-c longest.
NESTED = '{"":' * 13 + "{}" + "}" * 13


def line(text):
    return (text + "\n").encode()


def unknown(values):
    return line('{"msgtype":"x","x":[' + ",".join(values) + "]}")


def addr(entries):
    return line(json.dumps({"msgtype": "addr", "peers": entries}, separators=(",", ":")))


def filled(head, filling, tail):
    """As long as a line may be."""
    count = (LINE_BYTES - len(head) - len(tail) - 1) // len(filling)
    return line(head + filling * count + tail)


def hosts(first, count, port):
    return [f"{i >> 16 & 127 | 64}.{i >> 8 & 255}.{i & 255}.9:{port}" for i in range(first, first + count)]


def fresh_addresses():
    for first in itertools.count(0, 1000):
        yield addr(hosts(first * 7919, 1000, 1 + first // 1000 % 60000))


def nodeids(count):
    return [f"600d0000-0000-4000-8000-{number:012x}" for number in range(count)]


def report(**keys):
    return line(json.dumps({"msgtype": "report", **keys}, separators=(",", ":")))


LINKS = [[nodeid, 1234567, 1] for nodeid in nodeids(600)]


def complete_reports():
    for seq in itertools.count(1):
        yield report(seq=seq, up_s=1, links=LINKS)


def changes():
    yield report(seq=1, up_s=1, links=LINKS)
    for seq in itertools.count(2):
        yield report(seq=seq, links=[[LINKS[seq % 600][0], seq, 0]])


def invented_reports():
    for number in itertools.count():
        yield report(nodeid=f"1abe1000-0000-4000-8000-{number:012x}", seq=1, up_s=1, links=[])


def numbers():
    for first in itertools.count(0, 1000):
        have = [[f"1abe1000-0000-4000-8000-{number:012x}", 9] for number in range(first, first + 1000)]
        yield line(json.dumps({"msgtype": "reports", "have": have}, separators=(",", ":")))


# Each is sent again and again; of a generator, one after the other.
KINDS = {
    "ping": ("ping", line('{"msgtype":"ping"}')),
    "pong": ("pong that nobody waits for", line('{"msgtype":"pong"}')),
    "getaddr": ("getaddr", line('{"msgtype":"getaddr"}')),
    "spaced_ping": ("ping, written in another way", line('{ "msgtype" : "ping" }')),
    "unknown": ("an unknown type", line('{"msgtype":""}')),
    "addr_known": ("addr, 1,000 entries that are known", addr(list(map(list, zip(hosts(0, 1000, 9), nodeids(1000)))))),
    "addr_new": ("addr, 1,000 entries, each time others", fresh_addresses),
    "addr_one": ("addr, 1 entry", addr(hosts(0, 1, 9))),
    "addr_useless": ("addr, 1,000 entries that are no addresses", addr([""] * 1000)),
    "addr_pairs": ("addr, 1,000 entries that are no addresses, with nodeids", addr([["", ""]] * 1000)),
    "reports": ("report, complete, 600 links, each time newer", complete_reports),
    "report_again": ("report, complete, 600 links, the same", report(seq=9, up_s=1, links=LINKS)),
    "changes": ("report, a change of one of 600 links", changes),
    "invented": ("report, of a node that is new each time", invented_reports),
    "numbers": ("reports, 1,000 numbers, each time others", numbers),
    "sums": ("reports, sums", line(json.dumps({"msgtype": "reports", "sums": ["0123456789abcdef"] * 64}))),
    "getreport": ("getreport, 64 nodeids", line(json.dumps({"msgtype": "getreport", "nodeids": nodeids(64)}))),
    "objects": ("4,096 values: objects", unknown(["{}"] * (VALUES // 2))),
    "nested": ("4,096 values: objects within objects", unknown([NESTED] * (VALUES // 28))),
    "few_nested": ("127 values: objects within objects", unknown([NESTED] * 4 + ['{"":{}}'] * 3)),
    "lists": ("4,096 values: lists", unknown(["[]"] * (VALUES // 2))),
    "fractions": ("4,096 values: fractions", unknown(["1e9"] * (VALUES - 2))),
    "keys": ("4,096 values: keys", line("{" + ",".join(f'"{n:x}":0' for n in range(VALUES - 2)) + ',"msgtype":"x"}')),
    "same_keys": ("4,096 values: one key", line("{" + '"":0,' * (VALUES - 2) + '"msgtype":"x"}')),
    "deep": ("16 levels", line('{"msgtype":"x","x":' + "[" * 15 + "]" * 15 + "}")),
    "long_number": ("a line of digits", filled('{"msgtype":"x","x":0.', "1", "}")),
    "long_text": ("a line of text", filled('{"msgtype":"x","x":"', "x", '"}')),
    "escapes": ("a line of escapes", filled('{"msgtype":"x","x":"', "\\ud83d\\ude00", '"}')),
    "spaces": ("a line of spaces", filled('{"msgtype":"x"', " ", "}")),
    "blank": ("empty lines", b"\n" * 65536),
    "bytes": ("empty lines, byte by byte", b"\n"),
}


def cpu_s(pid):
    """The processor time of a process, by its clock: clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


class DearPeer:
    def __init__(self, target):
        host, port = target.address.rsplit(":", 1)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect((host, int(port)))
        self.socket.sendall(b'{"msgtype":"hello","nodeid":"bad00000-0000-4000-8000-000000000000"}\n')
        while b'"ping"' not in self.socket.recv(65536):
            pass
        self.socket.sendall(b'{"msgtype":"pong"}\n')
        self.socket.setblocking(False)
        self.sent = 0
        self.left = memoryview(b"")

    def flood(self, seconds, messages):
        """Sends them for so long, and reads what comes."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            readable, writable, _ = select.select([self.socket], [self.socket], [], end - now)
            if readable and not self.socket.recv(1 << 18):
                raise Failure("kithd has closed the connection of a peer that sends much")
            if writable:
                self.left = self.left or memoryview(next(messages))
                n = self.socket.send(self.left)
                self.left = self.left[n:]
                self.sent += n


class DearPart:
    """One connection of one host; the burst has passed."""

    name = "dear"
    title = "Processor time of kithd for one connection that sends one kind of message all the time, % of a core"
    targets = ["kithd"]
    most_rounds = 1
    seconds = len(KINDS) * (WARM_UP_S + MEASURED_S)
    metrics = [Metric(key, f"% of a core: {title}", "less", (0, 100)) for key, (title, _) in KINDS.items()]
    goals = [Goal(key, MOST_PERCENT) for key in KINDS]

    def smoke_targets(self):
        return self.targets

    def run_round(self, number, names, is_smoke):
        """Yields each target's name, its figures, and what was wrong or None."""
        kinds = {"ping": KINDS["ping"]} if is_smoke else KINDS
        for name in names:
            yield name, {key: self.percent(name, kind) for key, (_, kind) in kinds.items()}, None

    def percent(self, name, kind):
        target = start_target(name, {"max_outbound": 0, "max_message_rate": 200, "max_byte_rate": 1048576})
        try:
            peer = DearPeer(target)
            messages = kind() if callable(kind) else itertools.repeat(kind)
            peer.flood(WARM_UP_S, messages)
            before_s, begun_s = cpu_s(target.pid), time.monotonic()
            peer.flood(MEASURED_S, messages)
            return 100 * (cpu_s(target.pid) - before_s) / (time.monotonic() - begun_s)
        finally:
            target.end()
