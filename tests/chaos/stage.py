"""What every scenario does: eight nodes that become whole, are watched, lose each other, and become whole again."""

import os
import signal
import threading
import time
from dataclasses import dataclass, field

from hosts import Failure, Hosts
from mesh import BUILD, SLOW, Mesh
from serf import Serf

SIZE = 8
START_LIMIT_S = 90
STOP_LIMIT_S = 2  # kithd(8), SIGTERM

# The settings of a scenario are those of kith.conf(5), but for the pings of those that would take too long.
DEFAULTS = {
    "probe_interval": 1,
    "silent_after": 5,
    "ping_interval": 60,
    "ping_timeout": 20,
    "connect_timeout": 10,
    "retry_min": 1,
    "retry_max": 60,
}
QUICK = {"ping_interval": 2, "ping_timeout": 3 * SLOW}

# One retransmission: TCP's first time-out where nothing is known of the path (RFC 6298, 2.1).
RETRANSMISSION_S = 1
# From the end of a node until somebody's ping to it has no answer, and until the last has heard the witnesses.
ASK_S = 2
SERF_LIMIT_S = 30


@dataclass
class Row:
    """A line of the table."""

    name: str
    pings: str = ""
    mesh_s: float = None
    watched_s: float = 0.0
    alarms: int = 0
    late_s: list = field(default_factory=list)
    notice_s: list = field(default_factory=list)
    own_s: list = field(default_factory=list)  # until the one that is cut off has lost all others
    notice_bound_s: float = None
    again_s: list = field(default_factory=list)
    again_bound_s: float = None
    serf_s: list = field(default_factory=list)  # (until it is suspected, until all take it to have failed)
    serf_alarms: int = None
    remarks: list = field(default_factory=list)


class Report:
    """Of all scenarios, which run at the same time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.begin = time.monotonic()
        self.passed = self.failed = 0
        self.rows = []
        self.truths = []

    def say(self, name, words):
        with self.lock:
            print(f"{time.monotonic() - self.begin:6.1f} s  {name:<12} {words}", flush=True)

    def check(self, name, what, is_true):
        with self.lock:
            self.passed += bool(is_true)
            self.failed += not is_true
        self.say(name, f"{'ok    ' if is_true else 'FAILED'} {what}")


class Stage:
    def __init__(self, report, name, number, settings=None, relay_ms=None, witness_slack_s=0, with_serf=False):
        self.report = report
        self.name = name
        self.options = settings or {}
        self.settings = {**DEFAULTS, **self.options}
        self.witness_slack_s = witness_slack_s  # what is lost and delayed may be a question or its answer
        self.row = Row(name, f"{self.settings['ping_interval']:g} + {self.settings['ping_timeout']:g}")
        self.hosts = Hosts(name, number, SIZE, relay_ms)
        self.mesh = Mesh(self.hosts)
        self.serf = Serf(self.hosts, self.mesh) if with_serf else None
        self.everybody = list(self.hosts.all)
        self.excused = self.pairs(self.everybody, self.everybody)  # who may lose whom at the moment
        self.seen = 0  # of mesh.losses
        self.has_failed = False
        report.rows.append(self.row)

    def say(self, words):
        self.report.say(self.name, words)

    def check(self, what, is_true):
        self.report.check(self.name, what, is_true)
        self.has_failed |= not is_true

    @staticmethod
    def pairs(some, others):
        return {(i, j) for some_of, others_of in ((some, others), (others, some)) for i in some_of for j in others_of}

    # ---- the nodes ----

    def start(self, i, arguments=(), prefix=(), has_bootstrap=True, **how):
        bootstraps = [j for j in (1, 2) if j != i] if has_bootstrap else []
        words = [word for j in bootstraps for word in ("-b", self.hosts.address(j))]
        words += [word for key, value in self.options.items() for word in ("-o", f"{key}={value}")]
        self.mesh.start(i, [*words, *arguments], prefix, **how)

    def start_all(self):
        self.hosts.apply()
        for i in self.everybody:
            self.start(i)
            if self.serf:
                self.serf.start(i)

    def become_whole(self, among=None):
        among = among or self.everybody
        begin = time.monotonic()
        when = self.mesh.become_whole(among, START_LIMIT_S * SLOW)
        if when is None:
            raise Failure(f"{len(among)} nodes aren't whole after {START_LIMIT_S * SLOW:g} s")
        self.row.mesh_s = max(0.0, when - begin)
        self.check(f"{len(among)} nodes are whole after {self.row.mesh_s:.1f} s", True)
        for i in among:
            self.mesh.watch_events(i)
        if self.serf and not self.mesh.wait_for(self.serf.is_whole, START_LIMIT_S * SLOW):
            self.say("Serf's agents don't find each other")
        self.excuse(set())

    def stop_all(self):
        begin = time.monotonic()
        nodes = [self.mesh.stop(i, signal.SIGTERM) for i in list(self.mesh.nodes)]
        for node in nodes:
            node.child.wait(START_LIMIT_S)
        took_s = time.monotonic() - begin
        statuses = {node.child.returncode for node in nodes}
        self.check(
            f"all stop within {STOP_LIMIT_S} s, with status 0: {took_s:.1f} s, {statuses}",
            statuses == {0} and took_s <= STOP_LIMIT_S * SLOW + 0.5,
        )

    # ---- false alarms ----

    def count_alarms(self):
        self.mesh.read(0)
        for _, who, whom, line in self.mesh.losses[self.seen :]:
            if (who, whom) not in self.excused:
                self.row.alarms += 1
                self.say(f"h{who} has lost h{whom}: {line}")
        self.seen = len(self.mesh.losses)

    def excuse(self, pairs):
        self.count_alarms()
        self.excused = pairs

    def watch(self, seconds):
        """Time in which nobody who isn't excused may be lost."""
        self.mesh.watch(seconds)
        self.row.watched_s += seconds
        self.count_alarms()

    def ping_each_s(self):
        """How often a connection of a full mesh is pinged."""
        return min(self.settings["ping_interval"], (SIZE - 1) * self.settings["probe_interval"])

    def pings(self):
        """About how many pings the false alarms are out of."""
        return round(SIZE * (SIZE - 1) * self.row.watched_s / self.ping_each_s())

    def remark_lates(self):
        """How often somebody was late who had no reason to be."""
        words = f"peers that were late before the first cut: {len(self.mesh.lates)}"
        self.row.remarks.append(words + (f" (Serf: suspected {len(self.serf.suspicions)})" if self.serf else ""))

    def check_alarms(self, most=0):
        self.count_alarms()
        self.check(
            f"{self.row.alarms} false alarms in {self.row.watched_s:.0f} s, at most {most}", self.row.alarms <= most
        )

    # ---- to lose each other, and to find each other again ----

    def notice_bound_s(self):
        """Without witnesses."""
        return self.ping_each_s() + self.settings["ping_timeout"] + RETRANSMISSION_S

    def witnessed_bound_s(self):
        return min(self.notice_bound_s(), self.settings["silent_after"] + ASK_S + self.witness_slack_s)

    def notice(self, pairs, act, what, alone=None, is_hung=False):
        """
        Does what parts these pairs; from when it is done each of them must notice in time. When that was. One that is
        alone is silent to all others, which notice that together; it does not notice anything while it is hung.
        """
        self.excuse(pairs)
        waiting = {(i, j) for i, j in pairs if j in self.mesh.nodes[i].known and not (is_hung and i == alone)}
        seen, seen_late = len(self.mesh.losses), len(self.mesh.lates)
        serf = self.begin_serf(alone)
        act()
        begin = time.monotonic()
        last = {True: begin, False: begin}  # of those that have witnesses, of those that have none

        def all_have():
            for when, who, whom, _ in self.mesh.losses[seen:]:
                if (who, whom) in waiting:
                    waiting.discard((who, whom))
                    last[alone not in (None, who)] = max(last[alone not in (None, who)], when)
            return not waiting

        self.mesh.wait_for(all_have, 2 * self.notice_bound_s() * SLOW)
        self.count_alarms()
        late = [when for when, _, whom in self.mesh.lates[seen_late:] if whom == alone and when >= begin]
        if late:
            self.row.late_s.append(min(late) - begin)
        self.judge_notice(what, waiting, alone, is_hung, {key: when - begin for key, when in last.items()})
        self.end_serf(serf, alone, begin)
        return begin

    def judge_notice(self, what, waiting, alone, is_hung, took_s):
        self.row.notice_bound_s = bound_s = self.witnessed_bound_s() if alone else self.notice_bound_s()
        missing = sorted((i, j) for i, j in waiting if alone is None or i != alone)
        left = f"; not at all: {missing}" if missing else ""
        took = took_s[alone is not None]
        self.row.notice_s.append(took)
        self.check(
            f"{what}: noticed by all after {took:.1f} s, at most {bound_s:g} s{left}",
            not missing and took <= bound_s * SLOW,
        )
        if alone is None or is_hung:
            return
        self.row.own_s.append(took_s[False])
        missing = sorted(waiting)
        left = f"; not at all: {missing}" if missing else ""
        self.check(
            f"{what}: h{alone} has lost all after {took_s[False]:.1f} s, at most {self.notice_bound_s():g} s{left}",
            not missing and took_s[False] <= self.notice_bound_s() * SLOW,
        )

    # ---- Serf beside it ----

    def begin_serf(self, alone):
        """What there is before the trouble, if there is something to see."""
        if not self.serf or not alone:
            return None
        if self.row.serf_alarms is None:  # later ones may be the consequence of a trouble
            self.row.serf_alarms = len(self.serf.losses)
        if not self.mesh.wait_for(self.serf.is_whole, SERF_LIMIT_S * SLOW):
            self.say("Serf's agents have not found each other again: it is passed over")
            return None
        return len(self.serf.losses), len(self.serf.suspicions)

    def end_serf(self, seen, alone, begin):
        if not seen:
            return

        def have_all():
            return not any(alone in known for i, known in self.serf.known.items() if i != alone)

        self.mesh.wait_for(have_all, begin + SERF_LIMIT_S * SLOW - time.monotonic())
        suspicions = [when for when, _, whom in self.serf.suspicions[seen[1] :] if whom == alone]
        losses = [when for when, who, whom in self.serf.losses[seen[0] :] if whom == alone and who != alone]
        suspected_s = min(suspicions) - begin if suspicions else None
        failed_s = max(losses) - begin if losses and have_all() else None
        self.row.serf_s.append((suspected_s, failed_s))
        words = ("not yet" if took_s is None else f"after {took_s:.1f} s" for took_s in self.row.serf_s[-1])
        self.say("Serf: suspected {}, failed for all {}".format(*words))

    def again_bound_s(self, apart_s):
        """
        The wait before the next dial was begun while they were apart, and is about as long as all before it or
        retry_max, and a quarter; of those that are due one is dialled in retry_min; the first dial may fail at the
        end of its time, by bad luck, but not the second.
        """
        settings = self.settings
        wait_s = 1.25 * min(settings["retry_max"], max(apart_s, settings["retry_min"]))
        return wait_s + SIZE * settings["retry_min"] + 2 * settings["connect_timeout"]

    def become_whole_again(self, act, apart_since, what, among=None, settle_s=0):
        begin = time.monotonic()
        bound_s = self.again_bound_s(begin - apart_since)
        act()
        when = self.mesh.become_whole(among or self.everybody, 1.5 * bound_s * SLOW, settle_s)
        took_s = max(0.0, (when or time.monotonic()) - begin)
        self.row.again_s.append(took_s)
        self.row.again_bound_s = max(self.row.again_bound_s or 0, bound_s)
        self.check(
            f"{what}: whole again after {took_s:.1f} s, at most {bound_s:.0f} s",
            when is not None and took_s <= bound_s * SLOW,
        )
        if when is None:
            raise Failure(f"not whole again: {self.missing()}")
        self.excuse(set())

    def missing(self):
        return ", ".join(
            f"h{i} lacks h{j}"
            for i, node in self.mesh.nodes.items()
            for j in self.mesh.nodes
            if i != j and j not in node.known
        )

    def keep_logs(self):
        """For whoever looks for what went wrong."""
        folder = os.path.join(BUILD, "chaos")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, f"{self.name}.log")
        with open(path, "w", encoding="utf-8") as file:
            for node in sorted([*self.mesh.ended, *self.mesh.nodes.values()], key=lambda node: node.number):
                file.writelines(f"h{node.number} {line}\n" for _, line in node.lines)
        self.say(f"the logs of its nodes are in {path}")

    def end(self):
        if self.serf:
            self.serf.end()
        self.mesh.end()
        self.hosts.end()
