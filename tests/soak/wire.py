"""A connection to the node as the peers of the soak hold it: nothing is sent, answered or read unless they do."""

import asyncio
import json
import socket
import struct

READ_BYTES = 1 << 16


class Ended(Exception):
    """The node has closed the connection."""


def line(**keys):
    return json.dumps(keys).encode() + b"\n"


PING, PONG, GETADDR = line(msgtype="ping"), line(msgtype="pong"), line(msgtype="getaddr")


def addr(entries):
    return line(msgtype="addr", peers=entries)


class Connection:
    def __init__(self, made_socket):
        self.socket = made_socket
        self.rest = b""
        self.kept = []  # messages that came with the answer to a hello, for who reads next
        self.reason = None  # of its bye

    @classmethod
    async def open(cls, host, node, receive_bytes=None):
        """From this host, whose ports are its own."""
        made = socket.socket()
        try:
            made.setblocking(False)
            if receive_bytes:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            made.bind((host, 0))
            node_host, port = node.rsplit(":", 1)
            await asyncio.get_running_loop().sock_connect(made, (node_host, int(port)))
        except BaseException:
            made.close()
            raise
        return cls(made)

    async def send(self, data):
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def read_messages(self):
        if self.kept:
            kept, self.kept = self.kept, []
            return kept
        data = await asyncio.get_running_loop().sock_recv(self.socket, READ_BYTES)
        if not data:
            raise Ended(self.reason or "no bye")
        *lines, self.rest = (self.rest + data).split(b"\n")
        messages = [json.loads(text) for text in lines]
        for message in messages:
            if message["msgtype"] == "bye":
                self.reason = message["reason"]
        return messages

    async def greet(self, nodeid, **keys):
        """Says hello and waits for the answer; Ended if there is none."""
        await self.send(line(msgtype="hello", nodeid=nodeid, **keys))
        while True:
            messages = await self.read_messages()
            if any(message["msgtype"] == "hello" for message in messages):
                self.kept = [message for message in messages if message["msgtype"] != "hello"]
                return

    async def answer(self):
        """Answers pings, until it is cancelled or the connection ends."""
        while True:
            for message in await self.read_messages():
                if message["msgtype"] == "ping":
                    await self.send(PONG)

    async def answer_for(self, seconds):
        try:
            async with asyncio.timeout(seconds):
                await self.answer()
        except TimeoutError:
            pass

    async def read_to_end(self):
        """Answers nothing."""
        try:
            while True:
                await self.read_messages()
        except Ended:
            pass

    def shut_writing(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """The end of a process whose kernel has no time for it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.close()
