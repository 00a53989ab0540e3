#!/usr/bin/python3
"""The soak: a kithd among 50 peers that come, go, misbehave and die at random. README.md tells what it measures.

Usage: run.py [--seconds N] [--seed N]

With SECRET in the environment it is a private network. The seconds may also stand in the environment variable SOAK_SECONDS, and the seed in SOAK_SEED. BUILD is the directory
of what was built, KITHD the program that is tested if that isn't BUILD/kithd, and SLOW stretches every deadline.
"""

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
import uuid
from collections import Counter

sys.dont_write_bytecode = True  # what is made goes into BUILD and nowhere else

from actors import HABITS, HEARSAY, PORT, Actor
from node import FOLDER, KITHD, SLOW, Failure, Node, make_secret, memory_by_kind, secret_options
from wire import Ended

HERE = os.path.dirname(os.path.abspath(__file__))
GOOD_PEER = os.path.join(HERE, "good_peer.py")

PEERS = 50
DAEMONS = 10
ACTORS = PEERS - DAEMONS - 1  # and the good peer

FIRST_S = 60
LEAST_S = 90
SAY_EACH_S = 10
RELOAD_EACH_S = 30
PICTURE_POINTS = 200

# Of a reading; memory in kB. The heap, the stacks and the rest are parts of what is private.
FIGURES = ("private kB", "resident kB", "threads", "descriptors", "heap kB", "stacks kB", "other kB")
COMPARED = ("private kB", "threads", "descriptors")
TOLERANCE_PERCENT = 2
CALM_SAMPLES = 10  # that agree in threads and descriptors
CALM_LIMIT_S = 120 * SLOW
CALM_PERCENT = 0.5  # between these and as many before them
RETRY_S = 1
CROWD_S = 5  # until each has been pinged twice, and has both of its threads
DOOR = 10  # of them come in at once: fewer than max_handshakes
END_LIMIT_S = 5 * SLOW
POLL_S = 0.05


def difference_percent(before, after):
    return 100 * (after - before) / before


class Cast:
    """What all the peers share."""

    def __init__(self, node):
        self.node = node
        self.events = Counter()
        self.late = []  # what the node should have ended, and hadn't
        self.nodeids = []
        self.hearsay = []


class Daemon:
    """A peer that is a kithd: it lives for a while, is stopped, killed or frozen, and comes again."""

    def __init__(self, host, cast, rng):
        self.host = host
        self.cast = cast
        self.rng = rng
        self.nodeid = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        self.process = None

    def start(self):
        # Half of the time as the one that it was, and half as a new one at the same address.
        nodeid = [] if self.rng.random() < 0.5 else ["-o", f"nodeid={self.nodeid}"]
        self.process = subprocess.Popen(
            [KITHD, "-c", "/dev/null", "-l", f"{self.host}:{PORT}", "-b", self.cast.node, *nodeid, *secret_options()]
            + ["-o", "log_level=error", "-o", "ping_interval=2", "-o", "ping_timeout=5", "-o", "name=daemon"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.cast.events["daemon: started"] += 1

    def send_signal(self, number):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    async def live(self):
        while True:
            self.start()
            for _ in range(self.rng.randint(0, 2)):
                await asyncio.sleep(self.rng.uniform(1, 6))
                await self.freeze()
            await asyncio.sleep(self.rng.uniform(1, 12))
            number = self.rng.choice([signal.SIGTERM, signal.SIGKILL])
            self.cast.events[f"daemon: {number.name}"] += 1
            await self.end(number)
            await asyncio.sleep(self.rng.uniform(0, 3))

    async def freeze(self):
        """For less than the ping time-out, or for more."""
        self.cast.events["daemon: SIGSTOP"] += 1
        self.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(self.rng.uniform(0.5, 10))
        finally:
            self.send_signal(signal.SIGCONT)

    async def end(self, number=signal.SIGTERM):
        if self.process is None:
            return
        self.send_signal(signal.SIGCONT)
        self.send_signal(number)
        end = time.monotonic() + END_LIMIT_S
        while self.process.poll() is None:
            if time.monotonic() > end:
                self.send_signal(signal.SIGKILL)
            await asyncio.sleep(POLL_S)


class Soak:
    def __init__(self, seconds, seed):
        self.seconds = seconds
        self.rng = random.Random(seed)
        # Hosts that no other run uses at this time: one /16 of loopback.
        prefix = f"127.{200 + os.getpid() % 50}"
        self.node = Node(f"{prefix}.0.1:{PORT}", "soak")
        self.good_host = f"{prefix}.0.2"
        self.good = None
        self.good_figures = {}
        self.cast = Cast(self.node.address)
        self.cast.hearsay = [f"{prefix}.{3 + i // 250}.{1 + i % 250}:{PORT}" for i in range(HEARSAY)]
        self.daemons = [Daemon(f"{prefix}.1.{1 + i}", self.cast, self.fork()) for i in range(DAEMONS)]
        self.actors = [Actor(f"{prefix}.2.{1 + i}", self.cast, self.fork()) for i in range(ACTORS)]
        self.cast.nodeids = [peer.nodeid for peer in self.daemons + self.actors]
        self.door = asyncio.Semaphore(DOOR)
        self.busy = Counter()  # how many actors do a thing now
        self.begin = time.monotonic()
        self.samples = []
        self.calm_from = 0  # where among them the wait for a reading began
        self.marks = []  # when the readings were taken
        self.passed = self.failed = 0
        self.phase = "start"

    def fork(self):
        """Each peer has random numbers of its own, so that what it does depends on no other's times."""
        return random.Random(self.rng.getrandbits(64))

    def time_s(self):
        return time.monotonic() - self.begin

    def check(self, what, is_true):
        self.passed += is_true
        self.failed += not is_true
        print("ok    " if is_true else "FAILED", what, flush=True)

    # ---- what goes on all the time ----

    async def watch(self):
        """A sample each second, and a line each ten."""
        with open(os.path.join(FOLDER, "soak.dat"), "w", encoding="ascii") as file:
            file.write("# seconds, private kB, resident kB, threads, descriptors\n")
            seconds = 0
            while True:
                sample = self.node.sample(self.time_s())
                self.samples.append(sample)
                file.write("{:.1f} {} {} {} {}\n".format(*sample))
                file.flush()
                if self.good.returncode is not None:
                    raise Failure(f"the good peer ended after {self.time_s():.0f} s")
                if seconds % SAY_EACH_S == 0:
                    await self.say(sample)
                if seconds % RELOAD_EACH_S == 0:
                    self.node.send_signal(signal.SIGHUP)
                seconds += 1
                await asyncio.sleep(max(0, self.begin + seconds - time.monotonic()))

    async def say(self, sample):
        peers = await self.node.peers()
        print(
            f"{sample.time_s:5.0f} s  {self.phase}: {peers} peers, {sample.private_kb} kB private,"
            f" {sample.resident_kb} kB resident, {sample.threads} threads, {sample.descriptors} descriptors,"
            f" {self.node.totals['known']} addresses, {self.node.events['READY']} handshakes",
            flush=True,
        )

    async def start_good_peer(self):
        self.good = await asyncio.create_subprocess_exec(
            *[sys.executable, GOOD_PEER, self.node.address, self.good_host],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )

    async def end_good_peer(self):
        """What it has to say in the end."""
        if self.good.returncode is None:
            self.good.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_LIMIT_S):
                output, _ = await self.good.communicate()
        except TimeoutError:
            return
        self.good_figures = dict(word.split("=", 1) for word in output.decode().split())

    # ---- coming, going and misbehaving ----

    async def act(self, actor):
        names = list(HABITS)
        weights = [HABITS[name].weight for name in names]
        while True:
            name = actor.rng.choices(names, weights)[0]
            if self.busy[name] < HABITS[name].most:
                await self.perform(actor, name)
            await asyncio.sleep(actor.rng.uniform(0.1, 2))

    async def perform(self, actor, name):
        self.busy[name] += 1
        try:
            await actor.perform(name)
        finally:
            self.busy[name] -= 1

    async def overture(self):
        """Each thing once by as many as may do it at once, so that the first minute has had the most of each."""
        free = list(self.actors)
        rounds = [[]]
        for name, habit in sorted(HABITS.items(), key=lambda item: item[1].most):
            for _ in range(min(habit.most, 8)):
                if not free:
                    free = list(self.actors)
                    rounds.append([])
                rounds[-1].append((free.pop(), name))
        for pairs in rounds:
            await asyncio.gather(*(self.perform(actor, name) for actor, name in pairs))

    async def turmoil(self, begin, end_s):
        tasks = [asyncio.create_task(daemon.live()) for daemon in self.daemons]
        try:
            if begin:
                await begin()
            tasks += [asyncio.create_task(self.act(actor)) for actor in self.actors]
            done, _ = await asyncio.wait(
                tasks, timeout=max(0, end_s - self.time_s()), return_when=asyncio.FIRST_EXCEPTION
            )
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(daemon.end() for daemon in self.daemons))

    # ---- readings ----

    async def be_quiet(self, actor, nodeid, **keys):
        """A good peer until it is cancelled; it tries again while the node doesn't want it."""
        while True:
            try:
                async with self.door:
                    connection = await actor.open()
                    await connection.greet(nodeid, **keys)
                async with connection:
                    await connection.answer()
            except (Ended, OSError):
                await asyncio.sleep(RETRY_S)

    @contextlib.asynccontextmanager
    async def present(self, with_others):
        """The actors are there and quiet."""
        tasks = [asyncio.create_task(self.be_quiet(actor, actor.nodeid, listen=PORT)) for actor in self.actors]
        if with_others:
            others = [(actor, nodeid) for actor in self.actors for nodeid in actor.others]
            tasks += [asyncio.create_task(self.be_quiet(actor, nodeid)) for actor, nodeid in others]
        try:
            yield len(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def crowd(self):
        """More peers at once than there are at any other time, so that each reading comes after the same peak."""
        async with self.present(with_others=True) as count:
            await self.until_ready(1 + count)
            await asyncio.sleep(CROWD_S)

    async def until(self, condition, what):
        end = time.monotonic() + CALM_LIMIT_S
        while not await condition():
            if time.monotonic() > end:
                raise Failure(f"not within {CALM_LIMIT_S:g} s: {what}")
            await asyncio.sleep(RETRY_S)

    async def is_calm(self):
        latest = self.samples[self.calm_from :][-2 * CALM_SAMPLES :]
        if len(latest) < 2 * CALM_SAMPLES:
            return False
        before, after = (
            min(sample.private_kb for sample in half)
            for half in (latest[:CALM_SAMPLES], latest[CALM_SAMPLES:])
        )
        return (
            len({(sample.threads, sample.descriptors) for sample in latest[CALM_SAMPLES:]}) == 1
            and abs(difference_percent(before, after)) <= CALM_PERCENT
        )

    async def until_ready(self, peers):
        async def are_ready():
            return await self.node.peers() == peers

        await self.until(are_ready, f"{peers} peers are READY")

    async def settle(self, peers):
        """Waits until so many are READY and nothing changes; the least of the samples that agree."""
        await self.until_ready(peers)
        self.calm_from = len(self.samples)
        await self.until(self.is_calm, f"{CALM_SAMPLES} samples of {peers} peers agree")
        latest = self.samples[-CALM_SAMPLES:]
        self.marks.append(latest[-1].time_s)
        figures = [min(values) for values in zip(*latest)]
        return dict(zip(FIGURES, figures[1:] + list(memory_by_kind(self.node.process.pid).values())))

    async def read(self, label):
        """A crowd comes and goes, the good peer is alone, and then all 50 come and are quiet."""
        self.phase = "crowd"
        await self.crowd()
        self.phase = "alone"
        alone = await self.settle(1)
        self.phase = label
        try:
            async with self.present(with_others=False):
                for daemon in self.daemons:
                    daemon.start()
                    await asyncio.sleep(POLL_S)
                return alone, await self.settle(PEERS)
        finally:
            await asyncio.gather(*(daemon.end() for daemon in self.daemons))

    # ---- the whole ----

    async def play(self):
        self.phase = "first minute"
        await self.crowd()
        await self.turmoil(self.overture, FIRST_S)
        first = await self.read("first reading")
        self.phase = "soak"
        await self.turmoil(None, self.seconds)
        last = await self.read("last reading")
        self.compare(first, last)

    def compare(self, first, last):
        print("\n| | after the first minute | at the end | difference |\n| --- | ---: | ---: | ---: |")
        for who, before, after in zip(("the good peer alone", f"{PEERS} quiet peers"), first, last):
            for name in FIGURES:
                percent = difference_percent(before[name], after[name])
                print(f"| {who}: {name} | {before[name]:,.0f} | {after[name]:,.0f} | {percent:+.2f} % |")
        print()
        for name in COMPARED:
            percent = difference_percent(first[1][name], last[1][name])
            self.check(
                f"{name} at the end differ from those after the first minute by {percent:+.2f} %",
                abs(percent) <= TOLERANCE_PERCENT,
            )

    def tell_what_happened(self):
        print("\nWhat the peers did, and how often:")
        for name, count in sorted(self.cast.events.items()):
            print(f"    {name}: {count}")
        print("What the node logged:")
        for name, count in sorted(self.node.events.items()):
            print(f"    {name}: {count}")

    async def run(self):
        await self.node.start()
        await self.start_good_peer()
        watching = asyncio.create_task(self.watch())
        playing = asyncio.create_task(self.play())
        try:
            await asyncio.wait([watching, playing], return_when=asyncio.FIRST_COMPLETED)
            for task in (watching, playing):
                if task.done():
                    task.result()
        finally:
            for task in (watching, playing):
                task.cancel()
            await asyncio.gather(watching, playing, return_exceptions=True)

    async def finish(self):
        figures = self.good_figures
        self.check(
            "the good peer stayed, and each of its pings was answered: "
            + " ".join(f"{key} {value}" for key, value in figures.items()),
            figures.get("dropped") == "none" and int(figures.get("pongs", 0)) > 0,
        )
        self.check(
            f"the node ended all whom it must end: {' '.join(self.cast.late) or 'nobody was left'}", not self.cast.late
        )
        status = await self.node.stop()
        self.check(f"the node ends with status 0 when it is told to, within 2 s: {status}", status == 0)

    def draw(self):
        bin_s = max(1, round(self.samples[-1].time_s / PICTURE_POINTS)) if self.samples else 1
        marks = " ".join(f"{mark:.0f}" for mark in self.marks)
        subprocess.run(
            ["gnuplot", "-e", f"folder='{FOLDER}'; bin_s={bin_s}; marks='{marks}'", os.path.join(HERE, "plot.gp")],
            check=False,
        )
        print(f"the samples, the curves and the node's log are in {FOLDER}")

    async def end_all(self):
        await asyncio.gather(*(daemon.end(signal.SIGKILL) for daemon in self.daemons))
        if self.good is not None and self.good.returncode is None:
            self.good.kill()
            await self.good.wait()
        await self.node.kill()

    async def main(self):
        try:
            try:
                await self.run()
            finally:
                if self.good is not None:
                    await self.end_good_peer()
            await self.finish()
        except Exception as problem:  # whatever it is, the processes are ended and the last line is printed
            self.check(str(problem), False)
            if not isinstance(problem, (Failure, OSError)):
                traceback.print_exc()
        finally:
            await self.end_all()
            self.tell_what_happened()
            self.draw()
            print(f"soak: {self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def parse_arguments():
    parser = argparse.ArgumentParser(description="the soak of kithd")
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("SOAK_SECONDS", "1800")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SOAK_SEED") or random.getrandbits(32)))
    arguments = parser.parse_args()
    if arguments.seconds < LEAST_S:
        parser.error(f"a soak takes {LEAST_S} seconds or more: the first minute is what the end is compared with")
    return arguments


def main():
    arguments = parse_arguments()
    if not os.access(KITHD, os.X_OK):
        print(f"soak: {KITHD} is not built", file=sys.stderr)
        return 71
    if not shutil.which("gnuplot"):
        print("soak: gnuplot draws the curves, and isn't installed: apt-get install gnuplot-nox", file=sys.stderr)
        return 71
    os.makedirs(FOLDER, exist_ok=True)
    if os.environ.get("SECRET"):
        os.environ["SOAK_SECRET"] = make_secret()
    print(f"soak: {arguments.seconds} s, seed {arguments.seed}", flush=True)

    async def soak():
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        return await Soak(arguments.seconds, arguments.seed).main()

    try:
        return asyncio.run(soak())
    except asyncio.CancelledError:
        return 130


if __name__ == "__main__":
    sys.exit(main())
