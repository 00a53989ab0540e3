"""The node under test: a kithd whose log and tables are read as they come, and which is looked at from outside."""

import asyncio
import os
import re
import signal
import subprocess
from collections import Counter, namedtuple

BUILD = os.environ.get("BUILD", "build")
KITHD = os.environ.get("KITHD", os.path.join(BUILD, "kithd"))
FOLDER = os.path.join(BUILD, "soak")

SLOW = float(os.environ.get("SLOW", "1"))
START_LIMIT_S = 10 * SLOW
STOP_LIMIT_S = 2 * SLOW
TABLE_LIMIT_S = 30 * SLOW

# Short times and low bounds, so that each is reached often; all else is at its default.
SETTINGS = {
    "ping_interval": 2,
    "ping_timeout": 5,
    "handshake_timeout": 3,
    "connect_timeout": 3,
    "retry_max": 10,
    "max_handshakes": 32,
    "ban_time": 20,
}

# What is counted of the log.
EVENTS = {
    "READY": re.compile(r"[)] is ready after "),
    "left": re.compile(r"[)] left: "),
    "connection closed or reset": re.compile(r"[)] failed: (it closed the connection|connection reset)"),
    "bye: timeout": re.compile(r"no answer (to a ping for|from us in time)|: no hello (within|from us in time)"),
    "bye: slow": re.compile(r"it does not read what this node sends|we did not read what it sent"),
    "dials failed": re.compile(r" (cannot be reached|failed: it closed the connection before|failed: no hello|is full)"),
    "protocol errors": re.compile(r" broke the protocol: | is not a kith node: "),
    "bans": re.compile(r" is banned for .* with its whole host: "),
    "errors": re.compile(r"^\S+ error "),
}

STACK_BYTES = 64 * 1024  # src/base/sync.c
POOL_BYTES = 64 * 1024 * 1024  # where glibc begins a pool of a thread

Sample = namedtuple("Sample", "time_s private_kb resident_kb threads descriptors")


class Failure(Exception):
    """The soak can't go on, or a check has failed; says why."""


def look_at(pid, time_s):
    fields = {}
    for name in ("status", "smaps_rollup"):
        with open(f"/proc/{pid}/{name}", encoding="ascii", errors="replace") as lines:
            fields.update(line.split()[:2] for line in lines if len(line.split()) > 1)
    private_kb = int(fields["Private_Clean:"]) + int(fields["Private_Dirty:"])
    descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    return Sample(time_s, private_kb, int(fields["Rss:"]), int(fields["Threads:"]), descriptors)


def memory_by_kind(pid):
    """Private kB of the heap (that of the main thread, and the pools of others) and of the threads' stacks."""
    kinds = dict.fromkeys(("heap", "stacks", "other"), 0)
    kind = "other"
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if re.match(r"[0-9a-f]+-[0-9a-f]+$", words[0]):
                begin, end = (int(word, 16) for word in words[0].split("-"))
                is_pool = len(words) == 5 and begin % POOL_BYTES == 0
                is_stack = len(words) == 5 and end - begin == STACK_BYTES
                kind = "heap" if is_pool or words[-1] == "[heap]" else "stacks" if is_stack else "other"
            elif words[0] in ("Private_Clean:", "Private_Dirty:"):
                kinds[kind] += int(words[1])
    return kinds


def make_secret():
    """The path of a file with the secret of this run."""
    path = os.path.abspath(os.path.join(FOLDER, "secret"))
    secret = subprocess.run([KITHD, "--new-secret"], stdout=subprocess.PIPE, check=True).stdout
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(secret)
    return path


def secret_options():
    return ["-o", f"secret_file={os.environ['SOAK_SECRET']}"] if "SOAK_SECRET" in os.environ else []


class Node:
    def __init__(self, address, name):
        self.address = address
        self.name = name
        self.events = Counter()
        self.totals = {}  # of the last table's first line
        self.tables = 0
        self.is_listening = asyncio.Event()
        self.process = None
        self.readers = []

    async def start(self):
        """With a configuration file, so that SIGHUP has something to read."""
        file = os.path.join(FOLDER, "node.conf")
        with open(file, "w", encoding="ascii") as conf:
            conf.writelines(f"{key} = {value};\n" for key, value in SETTINGS.items())
        self.process = await asyncio.create_subprocess_exec(
            *[KITHD, "-c", file, "-l", self.address, "-o", f"name={self.name}", *secret_options()],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self.readers = [asyncio.create_task(self.read_log()), asyncio.create_task(self.read_tables())]
        try:
            async with asyncio.timeout(START_LIMIT_S):
                await self.is_listening.wait()
        except TimeoutError:
            raise Failure(f"the node doesn't listen after {START_LIMIT_S:g} s, see {FOLDER}/node.log") from None

    async def read_log(self):
        with open(os.path.join(FOLDER, "node.log"), "wb") as log:
            async for data in self.process.stderr:
                log.write(data)
                log.flush()
                line = data.decode(errors="replace")
                self.events.update(what for what, pattern in EVENTS.items() if pattern.search(line))
                if " listening on " in line:
                    self.is_listening.set()

    async def read_tables(self):
        async for data in self.process.stdout:
            if data.startswith(b"# kithd "):
                words = data.decode(errors="replace").split()[3:]
                self.totals = dict(zip(words[::2], words[1::2]))
            elif data.startswith(b"# end"):
                self.tables += 1

    def send_signal(self, number):
        if self.process.returncode is None:
            self.process.send_signal(number)

    async def peers(self):
        """How many are READY, by a table that it prints now."""
        before = self.tables
        self.send_signal(signal.SIGUSR1)
        try:
            async with asyncio.timeout(TABLE_LIMIT_S):
                while self.tables == before:
                    self.must_run()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise Failure(f"the node prints no table within {TABLE_LIMIT_S:g} s") from None
        return int(self.totals["peers"])

    def must_run(self):
        if self.process.returncode is not None:
            raise Failure(f"the node ended with status {self.process.returncode}, see {FOLDER}/node.log")

    def sample(self, time_s):
        self.must_run()
        return look_at(self.process.pid, time_s)

    async def stop(self):
        """Its exit status, or None if it hadn't ended in time."""
        self.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                status = await self.process.wait()
        except TimeoutError:
            status = None
        await self.kill()
        return status

    async def kill(self):
        if self.process is None:
            return
        self.send_signal(signal.SIGKILL)
        await self.process.wait()
        await asyncio.gather(*self.readers, return_exceptions=True)
