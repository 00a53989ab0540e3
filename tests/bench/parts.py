"""The parts of the benchmark that load one target: what runs, against what, and what it should reach."""

from dataclasses import dataclass, field

from targets import PROBES, Failure, make_secret, run_load, run_sockperf, start_target

HELD = 16000
HELD_TLS = 10000
PING_TIMEOUT_MS = 20000


@dataclass
class Metric:
    key: str  # as the load generator calls it
    title: str
    is_better: str  # "more" or "less"
    plausible: tuple  # the order that the figure must have, for --smoke


@dataclass
class Goal:
    metric: str
    bound: float
    of: str = None  # the target whose figure of the same round is 1; None for an absolute bound


@dataclass
class Part:
    name: str
    title: str
    load: list  # words for the load generator
    smoke_load: list  # the same, smaller
    targets: list
    metrics: list
    goals: list
    options: dict = field(default_factory=dict)  # settings of kithd
    smoke_options: dict = field(default_factory=dict)
    smokes_all: bool = False
    is_private: bool = False  # over TLS, but for kithd-plain
    most_rounds: int = 100
    seconds: float = 0  # of one measurement, about; for the time that is left

    def smoke_targets(self):
        """All that a goal is measured by; in one part all that there are."""
        if self.smokes_all:
            return self.targets
        return ["kithd", *dict.fromkeys(goal.of for goal in self.goals if goal.of)]

    def run_round(self, number, names, is_smoke):
        """Yields each target's name, its figures by the metrics' keys, and what was wrong or None."""
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:  # so that none is always the first
            figures, problem = self.measure(name, is_smoke)
            yield name, figures, problem

    def measure(self, name, is_smoke):
        options = self.smoke_options if is_smoke else self.options
        words = self.smoke_load if is_smoke else self.load
        if self.is_private:
            options = {**options, "secret_file": make_secret()}
            words = [*words, "-k", options["secret_file"]] if name != "kithd-plain" else words
        target = start_target(name, options)
        try:
            if name == "sockperf":
                status, figures, output = run_sockperf(target, 1)
            else:
                status, figures, output = run_load(target, words)
            if target.child.poll() is not None:
                raise Failure(f"{name} ended by itself: {target.last_errors()}")
        finally:
            target.end()
        return {metric.key: figures[metric.key] for metric in self.metrics if metric.key in figures}, (
            f"{name}: {output}" if status else None
        )


def handshakes():
    return [Metric("handshakes_per_s", "handshakes/s", "more", (50, 1e6))]


def opened():
    return [Metric("opened_per_s", "opened and kept, /s", "more", (50, 1e6))]


def pongs():
    return [Metric("pongs_per_s", "pongs/s", "more", (1e3, 1e8))]


def round_trips():
    return [
        Metric("p50_us", "RTT p50, µs", "less", (1, 1e5)),
        Metric("p99_us", "RTT p99, µs", "less", (1, 1e6)),
    ]


def memory():
    return [Metric("kb_per_peer", "private kB per idle peer", "less", (0.01, 200))]


def held():
    return [
        Metric("answered", "peers that answered a ping", "more", (300, 300)),
        Metric("slowest_ms", "the slowest answer, ms", "less", (0.01, PING_TIMEOUT_MS)),
        Metric("next_is_bounded", "the next one gets bye, full, or another one does", "more", (1, 1)),
    ]


PARTS = [
    Part(
        "storm",
        "Handshakes: connect, hello, addr, getaddr, its answer, close; 64 at once",
        ["storm", "-t", "1"],
        ["storm", "-t", "0.3"],
        ["kithd", *PROBES, "twisted"],
        handshakes(),
        [Goal("handshakes_per_s", 0.9, "pair-json-parked"), Goal("handshakes_per_s", 2, "twisted")],
        smokes_all=True,
        seconds=1.6,
    ),
    Part(
        "keep",
        "2,000 connections opened and kept",
        ["keep", "-c", "2000"],
        ["keep", "-c", "200"],
        ["kithd", *PROBES, "twisted"],
        opened(),
        [Goal("opened_per_s", 1.2, "pair-json"), Goal("opened_per_s", 1, "twisted")],
        seconds=0.8,
    ),
    Part(
        "ping16x32",
        "Pings on 16 connections, 32 in flight on each",
        ["ping", "-c", "16", "-w", "32", "-t", "1"],
        ["ping", "-c", "16", "-w", "32", "-t", "0.2"],
        ["kithd", *PROBES, "twisted"],
        pongs(),
        [Goal("pongs_per_s", 0.85, "pair-fixed"), Goal("pongs_per_s", 13, "twisted")],
        seconds=1.5,
    ),
    Part(
        "ping200x4",
        "Pings on 200 connections, 4 in flight on each",
        ["ping", "-c", "200", "-w", "4", "-t", "1"],
        ["ping", "-c", "200", "-w", "4", "-t", "1"],
        ["kithd", "pair-fixed", "pair-exact", "twisted"],
        pongs(),
        [Goal("pongs_per_s", 0.85, "pair-fixed"), Goal("pongs_per_s", 2.5, "twisted")],
        seconds=1.6,
    ),
    Part(
        "rtt1x1",
        "Round trip of a ping: one connection, one in flight",
        ["ping", "-c", "1", "-w", "1", "-t", "1"],
        ["ping", "-c", "1", "-w", "1", "-t", "0.2"],
        ["kithd", "sockperf", "epoll-fixed", "pair-fixed", "twisted"],
        round_trips(),
        [Goal("p50_us", 1.1, "sockperf"), Goal("p99_us", 1.5, "sockperf"), Goal("p50_us", 0.7, "twisted")],
        seconds=1.8,
    ),
    Part(
        "rtt16x1",
        "Round trip of a ping: 16 connections, one in flight on each",
        ["ping", "-c", "16", "-w", "1", "-t", "1"],
        ["ping", "-c", "16", "-w", "1", "-t", "0.2"],
        ["kithd", *PROBES, "twisted"],
        round_trips(),
        [Goal("p99_us", 1.2, "pair-fixed"), Goal("p99_us", 0.45, "twisted")],
        seconds=1.5,
    ),
    Part(
        "flood",
        "addr after addr, each with the same 1,000 known entries",
        ["flood", "-t", "1"],
        ["flood", "-t", "0.3"],
        ["kithd", "pair-json", "twisted"],
        [Metric("mb_per_s", "addr lines, MB/s", "more", (0.5, 1e5))],
        [Goal("mb_per_s", 1, "pair-json"), Goal("mb_per_s", 1, "twisted")],
        # What is known must not be dialled: nobody listens there.
        options={"max_outbound": 0},
        smoke_options={"max_outbound": 0},
        seconds=2,
    ),
    Part(
        "memory1000",
        "Private memory of the target, 1,000 idle peers",
        ["idle", "-c", "1000", "-s", "3", "-t", "0"],
        ["idle", "-c", "200", "-s", "1", "-t", "0"],
        ["kithd", *PROBES[:3], "twisted"],
        memory(),
        [Goal("kb_per_peer", 20)],
        # Each peer has its two threads then.
        options={"ping_interval": 1},
        smoke_options={"ping_interval": 0.3},
        most_rounds=3,
        seconds=3.8,
    ),
    Part(
        "memory10000",
        "Private memory of the target, 10,000 idle peers",
        ["idle", "-c", "10000", "-s", "9", "-t", "0"],
        ["idle", "-c", "500", "-s", "1", "-t", "0"],
        ["kithd", "pair-json"],
        memory(),
        [Goal("kb_per_peer", 20)],
        options={"ping_interval": 5},
        smoke_options={"ping_interval": 0.3},
        most_rounds=1,
        seconds=14,
    ),
    Part(
        "hold16000",
        "16,000 peers held at once, each pinged, and one more that is turned away or takes the place of another",
        ["hold", "-c", str(HELD), "-t", "2"],
        ["hold", "-c", "300", "-t", "0"],
        ["kithd"],
        held(),
        [Goal("answered", HELD), Goal("slowest_ms", PING_TIMEOUT_MS), Goal("next_is_bounded", 1)],
        options={"max_inbound": HELD},
        smoke_options={"max_inbound": 300},
        most_rounds=1,
        seconds=15,
    ),
    Part(
        "tls-storm",
        "Handshakes over TLS: connect, TLS, hello, addr, getaddr, its answer, close; 64 at once",
        ["storm", "-t", "1"],
        ["storm", "-t", "0.3"],
        ["kithd", "tls-fixed", "kithd-plain"],
        handshakes(),
        [Goal("handshakes_per_s", 0.8, "tls-fixed")],
        is_private=True,
        seconds=1.6,
    ),
    Part(
        "tls-ping16x32",
        "Pings over TLS on 16 connections, 32 in flight on each",
        ["ping", "-c", "16", "-w", "32", "-t", "1"],
        ["ping", "-c", "16", "-w", "32", "-t", "0.2"],
        ["kithd", "tls-fixed", "kithd-plain"],
        pongs(),
        [],
        is_private=True,
        seconds=1.5,
    ),
    Part(
        "tls-rtt1x1",
        "Round trip of a ping over TLS: one connection, one in flight",
        ["ping", "-c", "1", "-w", "1", "-t", "1"],
        ["ping", "-c", "1", "-w", "1", "-t", "0.2"],
        ["kithd", "tls-fixed", "kithd-plain"],
        round_trips(),
        [],
        is_private=True,
        seconds=1.5,
    ),
    Part(
        "tls-memory1000",
        "Private memory of the target over TLS, 1,000 idle peers",
        ["idle", "-c", "1000", "-s", "3", "-t", "0"],
        ["idle", "-c", "200", "-s", "1", "-t", "0"],
        ["kithd", "tls-fixed", "kithd-plain"],
        memory(),
        [Goal("kb_per_peer", 34)],
        options={"ping_interval": 1},
        smoke_options={"ping_interval": 0.3},
        is_private=True,
        most_rounds=3,
        seconds=4.5,
    ),
    Part(
        "tls-hold10000",
        "10,000 peers over TLS held at once, each pinged, and one more",
        ["hold", "-c", str(HELD_TLS), "-t", "2"],
        ["hold", "-c", "300", "-t", "0"],
        ["kithd"],
        held(),
        [Goal("answered", HELD_TLS), Goal("slowest_ms", PING_TIMEOUT_MS), Goal("next_is_bounded", 1)],
        options={"max_inbound": HELD_TLS},
        smoke_options={"max_inbound": 300},
        is_private=True,
        most_rounds=1,
        seconds=25,
    ),
    Part(
        "rest",
        "Processor time at rest, 10,000 peers, one ping to each in 60 s",
        ["idle", "-c", "10000", "-s", "62", "-t", "60"],
        ["idle", "-c", "200", "-t", "1"],
        ["kithd"],
        [Metric("cpu_percent", "% of a core", "less", (0, 100))],
        [Goal("cpu_percent", 3)],
        most_rounds=1,
        seconds=127,
    ),
]
