#!/usr/bin/python3
"""A peer that stays: good_peer.py NODE HOST.

It says hello to NODE from HOST, answers each ping, asks for addresses, and pings ten times a second, one ping at a
time. It ends when SIGTERM tells it to, or when the node drops it or doesn't answer. Its only line is key=value words;
its exit status is 1 if the node was to blame. A process of its own, so that its times are not those of other peers.
"""

import json
import os
import select
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True  # what is made goes into BUILD and nowhere else

import secure

PAUSE_S = 0.1
ASK_EACH = 50  # pings
ANSWER_LIMIT_S = 5 * float(os.environ.get("SLOW", "1"))
NODEID = "600d600d-600d-4600-8600-600d600d600d"


class Dropped(Exception):
    pass


class GoodPeer:
    def __init__(self, node, host):
        node_host, port = node.rsplit(":", 1)
        self.socket = socket.create_connection((node_host, int(port)), ANSWER_LIMIT_S, (host, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.session = self.secure() if secure.is_on() else None
        self.rest = b""
        self.round_trips_ms = []
        self.is_stopping = False
        self.sent = None  # when the ping that waits for its pong was sent
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, *_):
        self.is_stopping = True

    def secure(self):
        session = secure.Session(self.socket.fileno(), has_dialled=True)
        self.when_ready(session, session.shake_hands)
        return session

    def when_ready(self, session, call, *arguments):
        end = time.monotonic() + ANSWER_LIMIT_S
        while time.monotonic() < end:
            try:
                return call(*arguments)
            except BlockingIOError:
                waits_to_write = session.waits_to_write(call)
            wait_for = ([], [self.socket]) if waits_to_write else ([self.socket], [])
            select.select(*wait_for, [], max(0, end - time.monotonic()))
        raise Dropped(f"nothing goes on for {ANSWER_LIMIT_S:g} s")

    def say(self, **keys):
        data = json.dumps(keys).encode() + b"\n"
        if self.session is None:
            self.socket.sendall(data)
        else:
            self.when_ready(self.session, self.session.send, data)

    def read(self, end):
        """Handles what comes until then, or until something has come."""
        if not select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
            return
        try:
            data = self.session.receive(1 << 18) if self.session else self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        now = time.monotonic()
        if not data:
            raise Dropped("closed without a bye")
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.handle(json.loads(line), now)

    def handle(self, message, now):
        kind = message["msgtype"]
        if kind == "ping":
            self.say(msgtype="pong")
        elif kind == "bye":
            raise Dropped(f"bye, {message['reason']}")
        elif kind == "pong" and self.sent is not None:
            self.round_trips_ms.append(1000 * (now - self.sent))
            self.sent = None

    def ping(self):
        self.sent = time.monotonic()
        self.say(msgtype="ping")
        while self.sent is not None:
            if time.monotonic() > self.sent + ANSWER_LIMIT_S:
                raise Dropped(f"no pong within {ANSWER_LIMIT_S:g} s")
            self.read(self.sent + ANSWER_LIMIT_S)

    def stay(self):
        self.say(msgtype="hello", nodeid=NODEID, name="good")
        while not self.is_stopping:
            if len(self.round_trips_ms) % ASK_EACH == 0:
                self.say(msgtype="getaddr")
            self.ping()
            next_ping = time.monotonic() + PAUSE_S
            while time.monotonic() < next_ping and not self.is_stopping:
                self.read(next_ping)
        self.say(msgtype="bye", reason="shutdown")

    def figures(self):
        times = sorted(self.round_trips_ms) or [0]
        p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
        return f"pongs={len(self.round_trips_ms)} p50_ms={p50:.3f} p99_ms={p99:.3f} max_ms={times[-1]:.3f}"


def main():
    peer = GoodPeer(*sys.argv[1:3])
    problem = "none"
    try:
        peer.stay()
    except (Dropped, OSError) as dropped:
        problem = str(dropped).replace(" ", "_")
    print(f"{peer.figures()} dropped={problem}", flush=True)
    return 0 if problem == "none" else 1


if __name__ == "__main__":
    sys.exit(main())
