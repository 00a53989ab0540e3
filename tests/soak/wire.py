"""A connection to the node as the peers of the soak hold it: nothing is sent, answered or read unless they do."""

import asyncio
import json
import socket
import struct

import secure

READ_BYTES = 1 << 16


class Ended(Exception):
    """The node has closed the connection."""


def line(**keys):
    return json.dumps(keys).encode() + b"\n"


PING, PONG, GETADDR = line(msgtype="ping"), line(msgtype="pong"), line(msgtype="getaddr")


def addr(entries):
    return line(msgtype="addr", peers=entries)


class Connection:
    def __init__(self, made_socket, has_dialled=True):
        self.socket = made_socket
        self.has_dialled = has_dialled
        self.session = None  # of a private network, from the first byte on
        self.handshake = asyncio.Lock()
        self.is_secure = not secure.is_on()
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

    async def when_ready(self, call, *arguments):
        """What the session's call returns, once it needn't wait for the socket any more."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return call(*arguments)
            except BlockingIOError:
                pass
            waits_to_write = self.session.waits_to_write(call)
            add, remove = (
                (loop.add_writer, loop.remove_writer) if waits_to_write else (loop.add_reader, loop.remove_reader)
            )
            ready = loop.create_future()
            descriptor = self.socket.fileno()
            add(descriptor, lambda: ready.done() or ready.set_result(None))
            try:
                await ready
            finally:
                remove(descriptor)

    async def become_secure(self):
        async with self.handshake:
            if self.is_secure:
                return
            if self.session is None:
                self.session = secure.Session(self.socket.fileno(), self.has_dialled)
            await self.when_ready(self.session.shake_hands)
            self.is_secure = True

    async def send(self, data):
        if not secure.is_on():
            await asyncio.get_running_loop().sock_sendall(self.socket, data)
            return
        await self.become_secure()
        while data:
            data = data[await self.when_ready(self.session.send, data) :]

    async def receive(self):
        if not secure.is_on():
            return await asyncio.get_running_loop().sock_recv(self.socket, READ_BYTES)
        await self.become_secure()
        return await self.when_ready(self.session.receive, READ_BYTES)

    async def read_messages(self):
        if self.kept:
            kept, self.kept = self.kept, []
            return kept
        data = await self.receive()
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
        if self.is_secure and self.session is not None:
            self.session.shut_writing()
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """The end of a process whose kernel has no time for it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        if self.session is not None:
            self.session.free()
            self.session = None
        self.socket.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.close()
