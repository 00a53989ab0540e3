"""What the nodes say is wrong with the network, which is broken in one way at a time. README.md has the times."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field

import fake
from mesh import KITHD, SLOW
from stage import SIZE

LAST = SIZE
OTHERS = list(range(1, SIZE))
THIRD = 4  # the node that kith(1) asks
OVER_S = 15
# Before the trouble: nothing is wrong then, and every node knows how long its peers usually take.
CALM_S = 10
SMOKE_CALM_S = 3
# A node that was just started says nothing of a partition, and takes longer to say who is gone.
CATCH_UP_S = 25
# The relay delays by 1 to 2 ms each way; how long it takes at most until that is told.
USUAL_MS = 20
USUAL_LIMIT_S = 330


@dataclass
class Truth:
    """A line of the table of times."""

    name: str
    kind: str
    bound_s: float
    over_bound_s: float = OVER_S
    named_s: list = field(default_factory=list)
    over_s: list = field(default_factory=list)
    text: str = ""


@dataclass
class Expected:
    """What is to be found: by whom, and how soon."""

    kind: str
    hosts: list
    bound_s: float
    reasons: tuple = ()  # each of them, where several are good: any of a set
    by: list = None
    others: tuple = ()  # (host, kind) that may be found too
    over_s: float = OVER_S  # None: it is remembered for longer than a test takes
    words: list = None  # in the text, if they are not the names of the hosts


def names(hosts):
    return sorted(f"h{i}" for i in hosts)


class Watch:
    """The problems of all nodes, from now on."""

    def __init__(self, stage, expected):
        self.stage = stage
        self.expected = expected
        self.by = expected.by or [i for i in stage.mesh.nodes if i not in expected.hosts]
        self.nodes = dict(stage.mesh.nodes)
        self.seen = {i: set(node.problems) for i, node in self.nodes.items()}
        self.truth = Truth(stage.name, expected.kind, expected.bound_s, expected.over_s)
        stage.report.truths.append(self.truth)

    def fresh(self, i):
        return [problem for number, problem in self.nodes[i].problems.items() if number not in self.seen[i]]

    def found(self, i):
        """When this node has named it; None if it has not."""
        words = self.expected.words or names(self.expected.hosts)
        for problem in self.fresh(i):
            if problem.kind == self.expected.kind and all(word in problem.text for word in words):
                return problem.raised
        return None

    def wait(self, what, begin):
        """Until all who can know it have named it."""
        stage, expected = self.stage, self.expected
        stage.mesh.wait_for(lambda: all(self.found(i) for i in self.by), 2 * expected.bound_s * SLOW)
        times = {i: self.found(i) for i in self.by}
        missing = names(i for i in self.by if times[i] is None)
        took_s = [when - begin for when in times.values() if when is not None]
        self.truth.named_s += took_s
        last_s = max(took_s, default=0)
        left = f"; not at all by {', '.join(missing)}" if missing else ""
        stage.check(
            f"{what}: named by {len(took_s)} nodes after {last_s:.1f} s, at most {expected.bound_s:g} s{left}",
            not missing and last_s <= expected.bound_s * SLOW,
        )

    def check_row(self, third):
        """What kith(1) prints on the third node."""
        stage, expected = self.stage, self.expected
        rows = [row for row in stage.mesh.ask(third, "problems") if row["kind"] == expected.kind]
        subjects = [row["names"] for row in rows]
        wanted = names(expected.hosts)
        stage.check(
            f"kith problems -j on h{third} names {wanted}: {subjects}", [sorted(some) for some in subjects] == [wanted]
        )
        if not rows:
            return
        self.truth.text = rows[0]["text"]
        said = [reason for reason in rows[0]["reasons"] if reason]
        is_good = len(said) == len(expected.reasons) and all(a in b for a, b in zip(said, expected.reasons))
        stage.check(f"its reasons are {said}", is_good)

    def check_others(self):
        """Nothing else is found, by anybody."""
        good = {(i, self.expected.kind) for i in self.by} | set(self.expected.others)
        found = [(i, p) for i in self.nodes for p in self.fresh(i)]
        wrong = sorted({f"h{i}: {p.kind}: {p.text}" for i, p in found if (i, p.kind) not in good})
        counts = {i: sum(problem.kind == self.expected.kind for problem in self.fresh(i)) for i in self.by}
        again = names(i for i, count in counts.items() if count > 1)
        self.stage.check(f"no other problem is found: {wrong}, more than once by {again}", not wrong and not again)

    def wait_until_over(self, begin):
        stage, bound_s = self.stage, self.expected.over_s

        def left():
            return [
                f"h{i}: {problem.text}"
                for i, node in self.nodes.items()
                for problem in node.problems.values()
                if stage.mesh.nodes.get(i) is node and problem.over is None
                if (i, problem.kind) not in self.expected.others
            ]

        stage.mesh.wait_for(lambda: not left(), 2 * bound_s * SLOW)
        overs = [p.over - begin for i in self.by for p in self.fresh(i) if p.over and i in stage.mesh.nodes]
        self.truth.over_s += overs
        last_s = max(overs, default=0)
        stage.check(
            f"over after {last_s:.1f} s, at most {bound_s} s; still there: {left()}",
            not left() and last_s <= bound_s * SLOW,
        )


def be_calm(stage, is_smoke):
    stage.watch(SMOKE_CALM_S if is_smoke else CALM_S)
    found = [f"h{i}: {p.text}" for i, node in stage.mesh.nodes.items() for p in node.problems.values()]
    stage.check(f"nothing is wrong at first: {found}", not found)


def tell(stage, is_smoke, expected, act, undo, what, hold_s=5, third=THIRD):
    """Does it, waits until it is named, undoes it, and waits until that is said too."""
    be_calm(stage, is_smoke)
    stage.excuse(stage.pairs(stage.everybody, stage.everybody))
    watch = Watch(stage, expected)
    act()
    begin = time.monotonic()
    watch.wait(what, begin)
    watch.check_row(third)
    stage.watch(1 if is_smoke else hold_s)
    undo()
    if expected.over_s:
        watch.wait_until_over(time.monotonic())
    watch.check_others()


def start(stage):
    stage.start_all()
    stage.become_whole()


def start_and_catch_up(stage, is_smoke):
    start(stage)
    if not is_smoke:
        stage.watch(CATCH_UP_S)


def setter(stage, **what):
    """An act: changes what the hosts let in."""

    def act():
        for key, value in what.items():
            setattr(stage.hosts, key, value)
        stage.hosts.apply()

    return act


SILENT = {"silent", "timed_out"}
CLOSED = {"closed", "reset"}


def crash(stage, is_smoke):
    start_and_catch_up(stage, is_smoke)
    tell(
        stage,
        is_smoke,
        Expected("node", [LAST], 4 if is_smoke else 1.5, (CLOSED,)),
        lambda: stage.mesh.stop(LAST, signal.SIGKILL),
        lambda: stage.start(LAST),
        f"h{LAST} is killed",
    )


def hung(stage, is_smoke):
    start_and_catch_up(stage, is_smoke)
    tell(
        stage,
        is_smoke,
        Expected("node", [LAST], 8, (SILENT,), others=((LAST, "me"),)),
        lambda: stage.mesh.nodes[LAST].signal(signal.SIGSTOP),
        lambda: stage.mesh.nodes[LAST].signal(signal.SIGCONT),
        f"h{LAST} is stopped",
    )


def pair(stage, is_smoke):
    start(stage)
    cut = stage.pairs([3], [LAST])
    tell(
        stage,
        is_smoke,
        Expected("link", [3, LAST], 12, (SILENT, SILENT), by=stage.everybody),
        setter(stage, cut=cut),
        setter(stage, cut=set()),
        f"h3 and h{LAST} are cut",
    )


def deaf(stage, is_smoke):
    start(stage)
    tell(
        stage,
        is_smoke,
        Expected("link", [3, LAST], 12, (SILENT, SILENT), by=stage.everybody),
        setter(stage, cut={(3, LAST)}),
        setter(stage, cut=set()),
        f"nothing gets from h3 to h{LAST}",
    )


def group(stage, is_smoke):
    start(stage)
    cut = stage.pairs([1, 2], [7, LAST])
    tell(
        stage,
        is_smoke,
        Expected(
            "cut",
            [1, 2, 7, LAST],
            15,
            (SILENT, SILENT),
            by=[3, 4, 5, 6],
            others=[(i, kind) for i in (1, 2, 7, LAST) for kind in ("cut", "link")],
        ),
        setter(stage, cut=cut),
        setter(stage, cut=set()),
        f"h1 and h2 are cut from h7 and h{LAST}",
    )


def partition(stage, is_smoke):
    start_and_catch_up(stage, is_smoke)
    cut = stage.pairs([1, 2, 3, 4, 5], [6, 7, LAST])
    few = [6, 7, LAST]
    tell(
        stage,
        is_smoke,
        Expected(
            "partition",
            few,
            15,
            (SILENT,),
            by=[1, 2, 3, 4, 5],
            others=[(i, kind) for i in few for kind in ("partition", "me")],
        ),
        setter(stage, cut=cut),
        setter(stage, cut=set()),
        "h6, h7 and h8 are a part of their own",
    )


def blocked(stage, is_smoke):
    """From the beginning."""
    stage.hosts.undialled = {(3, LAST)}
    start(stage)
    expected = Expected("one_way", [3, LAST], 60, ({"timed_out"},), by=stage.everybody)
    watch = Watch(stage, expected)
    begin = time.monotonic()
    stage.excuse(stage.pairs(stage.everybody, stage.everybody))
    watch.wait(f"h3 can't dial h{LAST}", begin)
    watch.check_row(THIRD)
    setter(stage, undialled=set())()
    watch.wait_until_over(time.monotonic())
    watch.check_others()


def fading(stage, is_smoke):
    """A firewall that came later spares old connections. Nodes look for that more often than by default."""
    stage.hosts.apply()
    for i in stage.everybody:
        stage.start(i, ["-o", "feeler_interval=3"])
    stage.become_whole()
    tell(
        stage,
        is_smoke,
        Expected(
            "fading",
            [3, LAST],
            80,
            ({"timed_out"}, {"timed_out"}),
            by=stage.everybody,
        ),
        setter(stage, undialled=stage.pairs([3], [LAST])),
        setter(stage, undialled=set()),
        f"h3 and h{LAST} can't dial each other any more",
    )


def walled(stage, is_smoke):
    """A firewall in front of one node that came later: until all have tried, those that have may be named alone."""
    stage.hosts.apply()
    for i in stage.everybody:
        stage.start(i, ["-o", "feeler_interval=10"])
    stage.become_whole()
    watch = Watch(
        stage,
        Expected(
            "one_way",
            stage.everybody,
            150,
            ({"timed_out"},),
            by=stage.everybody,
            words=[f"nobody can dial h{LAST}"],
            over_s=20,
        ),
    )
    begin = time.monotonic()
    stage.excuse(stage.pairs(stage.everybody, stage.everybody))
    setter(stage, undialled={(i, LAST) for i in OTHERS})()
    watch.wait(f"nobody can dial h{LAST} any more", begin)
    setter(stage, undialled=set())()
    watch.wait_until_over(time.monotonic())
    kinds = {p.kind for i in watch.nodes for p in watch.fresh(i)}
    stage.check(f"problems of no other kind are found: {kinds}", kinds == {"one_way"})


def clock(stage, is_smoke):
    stage.hosts.apply()
    faketime = fake.Clock(stage.name)
    for i in OTHERS:
        stage.start(i)
    stage.start(LAST, (), faketime.prefix)
    stage.become_whole()
    tell(
        stage,
        is_smoke,
        Expected("clock", [LAST], 20, (), others=((LAST, "me"),)),
        lambda: faketime.jump("+1h"),
        lambda: faketime.jump("+0"),
        f"h{LAST}'s clock is an hour ahead",
    )


def double(stage, is_smoke):
    nodeid = ["-o", "nodeid=11111111-2222-4333-8444-555555555555"]
    stage.hosts.apply()
    for i in OTHERS:
        stage.start(i, nodeid if i == 7 else [])
    stage.become_whole(OTHERS)
    tell(
        stage,
        is_smoke,
        Expected(
            "double",
            [7],
            30,
            by=[1, 2, 3, 4, 5, 6],
            others=[(7, "double")],
            words=["11111111"],
        ),
        lambda: stage.start(LAST, nodeid),
        lambda: stage.mesh.stop(LAST, signal.SIGTERM),
        f"h{LAST} has the nodeid of h7",
    )


def stranger(stage, is_smoke):
    """Has another secret, and tries again more often than a node does by default."""
    stage.hosts.apply()
    secrets = [new_secret(f"/run/{stage.name}-{number}") for number in (1, 2)]
    for i in OTHERS:
        stage.start(i, ["-o", f"secret_file={secrets[0]}"])
    stage.become_whole(OTHERS)
    tell(
        stage,
        is_smoke,
        Expected("turned_away", [], 40, (), by=OTHERS, words=[stage.hosts.host(LAST)]),
        lambda: stage.start(LAST, ["-o", f"secret_file={secrets[1]}", "-o", "retry_max=1"]),
        lambda: stage.mesh.stop(LAST, signal.SIGTERM),
        f"h{LAST} has another secret",
    )


def new_secret(path):
    secret = subprocess.run([KITHD, "--new-secret"], stdout=subprocess.PIPE, check=True).stdout
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(secret)
    return path


def wait_for_usual_times(stage):
    """A machine that starts many nodes is slow at first. What is told then is told anew within 5 minutes."""
    end = time.monotonic() + USUAL_LIMIT_S
    stage.watch(60)
    while time.monotonic() < end:
        times_ms = [row.get("rtt_ms") for row in stage.mesh.ask(THIRD, "links")]
        if all(ms and ms <= USUAL_MS for ms in times_ms):
            break
        stage.watch(5)
    stage.watch(30)


def slow(stage, is_smoke):
    start(stage)
    wait_for_usual_times(stage)
    tell(
        stage,
        is_smoke,
        Expected("slow", [LAST], 150, by=OTHERS, others=[(LAST, "slow")]),
        lambda: stage.hosts.relay.send_signal(signal.SIGUSR1),
        lambda: stage.hosts.relay.send_signal(signal.SIGUSR2),
        f"what h{LAST} sends takes 0.4 s longer",
    )


def old(stage, is_smoke):
    """Two nodes of 0.1.0: nothing is said about them that is not so."""
    program = os.environ.get("OLD_KITHD")
    if not program:
        stage.say("passed over: OLD_KITHD names no kithd of version 0.1.0")
        return
    stage.hosts.apply()
    elders = [7, LAST]
    for i in stage.everybody:
        stage.start(i, program=program if i in elders else KITHD)
    stage.become_whole()
    stage.watch(30)
    be_calm(stage, is_smoke)
    without = [row for row in stage.mesh.ask(THIRD, "nodes") if not row["has_report"]]
    stage.check(
        f"h{THIRD} has two nodes without a report: {[row['state'] for row in without]}",
        [row["state"] for row in without] == ["alive"] * 2,
    )
    stage.excuse(stage.pairs(stage.everybody, stage.everybody))
    stage.mesh.stop(LAST, signal.SIGKILL)
    stage.watch(10)
    kinds = {i: [p.kind for p in stage.mesh.nodes[i].problems.values()] for i in stage.everybody if i not in elders}
    stage.check(
        f"when one of them dies, its death alone is found: {kinds}", all(some == ["node"] for some in kinds.values())
    )


def leave(stage, is_smoke):
    """Is no problem."""
    start(stage)
    be_calm(stage, is_smoke)
    stage.excuse(stage.pairs(stage.everybody, stage.everybody))
    stage.mesh.stop(LAST, signal.SIGTERM)
    stage.watch(15)
    found = [f"h{i}: {p.text}" for i, node in stage.mesh.nodes.items() for p in node.problems.values()]
    stage.check(f"who leaves is no problem: {found}", not found)
    states = [row["state"] for row in stage.mesh.ask(THIRD, "nodes") if row["name"] == f"h{LAST}"]
    stage.check(f"it is gone: {states}", states == ["gone"])


SCENARIOS = {
    f"truth-{action.__name__}": (action, {"relay_ms": (1, 2)} if action == slow else {})
    for action in (crash, hung, pair, deaf, group, partition, blocked, fading, walled, clock, double, stranger, slow, old, leave)
}
SMOKE = ["truth-crash", "truth-pair"]
