"""The peers that the soak plays itself: what each of them may do, well-behaved or not, one thing after the other."""

import asyncio
import socket
import uuid
from collections import namedtuple

from node import SLOW
from wire import GETADDR, PING, PONG, Connection, Ended, addr, line

PORT = 5999
LINE_BYTES = 131072
HEARSAY = 400  # addresses where nobody listens: a set that has all been told within the first minute
TELL = 100
OTHERS = 2  # who an actor is besides in a crowd
STORM = 60  # more than max_handshakes
ENTRIES = 10  # more in one message are an answer, and aren't passed on
FLOODS = 8  # more messages than may come at once
SMALL_BUFFER_BYTES = 4096
UNREAD = GETADDR + PING * 200 + PONG  # of who never reads, and yet isn't silent
END_LIMIT_S = 30 * SLOW  # for the node to close what it must close
UNREAD_LIMIT_S = 90 * SLOW  # the same, where pongs first fill what the kernel takes

# What comes most often has the most weight. No more than `most` actors do the same at the same time.
Habit = namedtuple("Habit", "act weight most")
HABITS = {}


def habit(weight, most):
    def register(act):
        HABITS[act.__name__.replace("_", " ")] = Habit(act, weight, most)
        return act

    return register


class Actor:
    """One peer: a host, a nodeid that it keeps, and its own random numbers. cast holds what all share."""

    def __init__(self, host, cast, rng):
        self.host = host
        self.cast = cast
        self.rng = rng
        self.nodeid = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        self.others = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(OTHERS)]

    def open(self, **options):
        return Connection.open(self.host, self.cast.node, **options)

    async def join(self, connection, **keys):
        await connection.greet(self.nodeid, listen=PORT, **keys)

    def hearsay(self):
        """Some of the finite set, as entries of an addr message."""
        told = self.rng.sample(self.cast.hearsay, TELL)
        return [told[i : i + ENTRIES] for i in range(0, TELL, ENTRIES)]

    async def perform(self, name):
        """Does one thing. However it ends, it is over."""
        self.cast.events[name] += 1
        try:
            await HABITS[name].act(self)
        except Ended as ended:
            self.cast.events[f"told: {ended}"] += 1
        except TimeoutError:
            self.cast.late.append(name)
        except (OSError, ValueError) as problem:
            self.cast.events[f"met: {type(problem).__name__}"] += 1


async def end_of(connection):
    """For those that the node must end."""
    async with asyncio.timeout(END_LIMIT_S):
        await connection.read_to_end()


# ---- what good peers do ----


@habit(weight=12, most=39)
async def stay(actor):
    async with await actor.open() as connection:
        await actor.join(connection)
        for _ in range(actor.rng.randint(1, 4)):
            await connection.send(GETADDR + PING)
            await connection.answer_for(actor.rng.uniform(0.5, 5))
        await connection.send(line(msgtype="bye", reason="shutdown"))
        await connection.read_to_end()


@habit(weight=6, most=39)
async def tell(actor):
    async with await actor.open() as connection:
        await actor.join(connection)
        for entries in actor.hearsay():
            await connection.send(addr(entries))
        await connection.answer_for(actor.rng.uniform(1, 4))
        await connection.send(line(msgtype="bye", reason="shutdown"))
        await connection.read_to_end()


@habit(weight=3, most=39)
async def look(actor):
    """A feeler."""
    async with await actor.open() as connection:
        await connection.greet(actor.nodeid, feeler=True)
        await connection.send(line(msgtype="bye", reason="feeler"))
        await connection.read_to_end()


@habit(weight=6, most=39)
async def listen(actor):
    """Can be dialled for a while. What who dials meets there is good, or not."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((actor.host, PORT))
        listener.listen()
        listener.setblocking(False)
        meetings = []
        try:
            async with asyncio.timeout(actor.rng.uniform(3, 12)):
                await accept_all(actor, listener, meetings)
        except TimeoutError:
            pass
        finally:
            for meeting in meetings:
                meeting.cancel()
            await asyncio.gather(*meetings, return_exceptions=True)


async def accept_all(actor, listener, meetings):
    while True:
        accepted, _ = await asyncio.get_running_loop().sock_accept(listener)
        actor.cast.events["was dialled"] += 1
        meetings.append(asyncio.create_task(meet(actor, Connection(accepted, has_dialled=False))))


async def meet(actor, connection):
    async with connection:
        manner = actor.rng.choice(["good", "good", "silent", "garbage", "gone"])
        if manner == "gone":
            return
        if manner == "garbage":
            await connection.send(garbage(actor))
        if manner == "good":
            await connection.greet(actor.nodeid)
            await connection.answer()
        await connection.read_to_end()


# ---- how peers go without a word ----


@habit(weight=5, most=39)
async def vanish(actor):
    async with await actor.open() as connection:
        await actor.join(connection)
        await connection.answer_for(actor.rng.uniform(0.1, 5))
        if actor.rng.random() < 0.5:
            connection.reset()


@habit(weight=3, most=39)
async def half_close(actor):
    async with await actor.open() as connection:
        await actor.join(connection)
        await connection.send(GETADDR)
        connection.shut_writing()
        await connection.read_to_end()


@habit(weight=3, most=39)
async def fall_silent(actor):
    """READY, and never a pong."""
    async with await actor.open() as connection:
        await actor.join(connection)
        await end_of(connection)


# ---- how peers misbehave ----


def garbage(actor):
    return actor.rng.randbytes(actor.rng.randint(1, 2000)) + b"\n"


def wrong_lines(actor):
    return actor.rng.choice(
        [
            b'{"msgtype": "addr"}\n',
            b'{"msgtype": "addr", "peers": 7}\n',
            b'{"msgtype": "hello", "nodeid": "me"}\n',
            b'{"nodeid": "11111111-2222-4333-8444-555555555555"}\n',
            b"[" * 40 + b"\n",
            b"GET / HTTP/1.1\r\n\r\n",
            addr([["127.0.0.1:1", actor.nodeid]] * 1001),
        ]
    )


@habit(weight=2, most=8)
async def send_garbage(actor):
    async with await actor.open() as connection:
        if actor.rng.random() < 0.5:
            await actor.join(connection)
        await connection.send(garbage(actor))
        await connection.read_to_end()


@habit(weight=2, most=8)
async def send_what_is_wrong(actor):
    async with await actor.open() as connection:
        await actor.join(connection)
        await connection.send(wrong_lines(actor))
        await connection.read_to_end()


@habit(weight=1, most=4)
async def send_a_long_line(actor):
    async with await actor.open() as connection:
        await actor.join(connection)
        await connection.send(b"x" * (LINE_BYTES + 1))
        await connection.read_to_end()


@habit(weight=1, most=8)
async def say_hello_again(actor):
    async with await actor.open() as connection:
        await actor.join(connection)
        await connection.send(line(msgtype="hello", nodeid=actor.nodeid))
        await connection.read_to_end()


@habit(weight=2, most=8)
async def claim_a_nodeid(actor):
    """Says that it is another one, who may be there or not."""
    async with await actor.open() as connection:
        await connection.greet(actor.rng.choice(actor.cast.nodeids))
        await connection.answer_for(1)


@habit(weight=2, most=8)
async def drip_a_hello(actor):
    async with await actor.open() as connection:
        hello = line(msgtype="hello", nodeid=actor.nodeid)
        for i in range(len(hello)):
            await connection.send(hello[i : i + 1])
            await asyncio.sleep(0.2)


@habit(weight=2, most=8)
async def say_nothing(actor):
    async with await actor.open() as connection:
        await end_of(connection)


@habit(weight=1, most=2)
async def never_read(actor):
    """Asks, and lets the answers lie until the node closes."""
    async with await actor.open(receive_bytes=SMALL_BUFFER_BYTES) as connection:
        await connection.send(line(msgtype="hello", nodeid=actor.nodeid))
        async with asyncio.timeout(UNREAD_LIMIT_S):
            while True:
                await connection.send(UNREAD)
                await asyncio.sleep(0.1)


@habit(weight=1, most=3)
async def flood(actor):
    """Reads, and asks for more than anybody needs."""
    async with await actor.open() as connection:
        await actor.join(connection)
        hearsay = b"".join(addr(entries) for entries in actor.hearsay())
        flooding = asyncio.create_task(connection.send((PING * 300 + hearsay + GETADDR * 10) * FLOODS))
        try:
            await connection.answer_for(6)
        finally:
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)


@habit(weight=1, most=1)
async def open_and_close(actor):
    for _ in range(STORM):
        (await actor.open()).close()
        await asyncio.sleep(0.005)


@habit(weight=1, most=1)
async def open_many(actor):
    """Silent connections, which all stay until the node has closed them."""
    connections = []
    try:
        for _ in range(STORM):
            connections.append(await actor.open())
        for one in connections:
            await end_of(one)
    finally:
        for one in connections:
            one.close()
