"""The scenarios. README.md says of each what it does and what is asserted."""

import calendar
import os
import signal
import time

import fake
import serf
import truth
from hosts import Failure
from mesh import SLOW
from stage import QUICK, SIZE, START_LIMIT_S, Stage

LAST = SIZE
OTHERS = list(range(1, SIZE))

# A hello and an addr of one entry are shorter, packet and all; the answer to getaddr of a network of eight is longer.
HOLE_BYTES = 400
# Until the third dial to a node that refuses: back-offs of 1 and 2 s and a quarter, and for each of two bootstraps its
# turn among those that have failed.
DOUBLE_BOUND_S = 10
# By then a pong has come on each connection: what others claim ends none of them.
CALM_S = 1


def hosts_set(stage, **what):
    """An act: changes what the hosts let in."""

    def act():
        for key, value in what.items():
            setattr(stage.hosts, key, value)
        stage.hosts.apply()

    return act


def settle(stage, is_smoke):
    """Each node learns the rhythm of its peers' pings."""
    stage.watch(2 if is_smoke else 3 * SIZE)


def trouble(stage, act, what, undo, apart_s, **how):
    """The last host is silent, and comes back."""
    since = stage.notice(stage.pairs([LAST], OTHERS), act, what, alone=LAST, **how)
    stage.watch(max(0.0, since + apart_s - time.monotonic()))
    stage.become_whole_again(undo, since, "it is over")


def isolate_and_heal(stage, apart_s):
    """Nothing gets to the last host, or from it."""
    pairs = stage.pairs([LAST], OTHERS)
    trouble(stage, hosts_set(stage, cut=pairs), f"h{LAST} is cut off", hosts_set(stage, cut=set()), apart_s)


def hang(stage, is_smoke):
    stage.start_all()
    stage.become_whole()

    def signal_all(number):
        stage.mesh.nodes[LAST].signal(number)
        if stage.serf:
            stage.serf.signal(LAST, number)

    for _ in range(1 if is_smoke else 5):
        settle(stage, is_smoke)
        trouble(
            stage,
            lambda: signal_all(signal.SIGSTOP),
            f"h{LAST} hangs",
            lambda: signal_all(signal.SIGCONT),
            0,
            is_hung=True,
        )
    stage.check_alarms()


def cable(stage, is_smoke):
    stage.start_all()
    stage.become_whole()
    for _ in range(1 if is_smoke else 3):
        settle(stage, is_smoke)
        out, back = (lambda: stage.hosts.plug(LAST, False)), (lambda: stage.hosts.plug(LAST, True))
        trouble(stage, out, f"h{LAST}'s cable is out", back, 0)
    stage.check_alarms()


def loss10(stage, is_smoke):
    stage.hosts.loss_percent = 10
    stage.start_all()
    stage.become_whole()
    stage.watch(10 if is_smoke else 180)
    stage.remark_lates()
    for _ in range(1 if is_smoke else 3):
        stage.watch(5)
        isolate_and_heal(stage, 0)
    stage.check_alarms()


def loss30(stage, is_smoke):
    stage.hosts.loss_percent = 30
    stage.start_all()
    stage.become_whole()
    stage.watch(10 if is_smoke else 250)
    stage.remark_lates()
    pings = stage.pings()
    stage.row.remarks.append(f"about {pings} pings")
    stage.check_alarms(round(0.02 * pings))
    isolate_and_heal(stage, 0)


def delay(stage, is_smoke):
    stage.start_all()
    stage.become_whole()
    stage.watch(10 if is_smoke else 120)
    stage.remark_lates()
    tables = stage.mesh.take_tables(stage.everybody)
    rtts = [rtt for rows in tables.values() for _, rtt in rows]
    stage.row.remarks.append(f"RTT_MS {min(rtts):.0f} to {max(rtts):.0f}")
    stage.check(f"RTT_MS is from {min(rtts):.0f} to {max(rtts):.0f}, at least 200", min(rtts) >= 200)
    for _ in range(1 if is_smoke else 3):
        stage.watch(5)
        isolate_and_heal(stage, 20)
    stage.check_alarms()


def oneway(stage, is_smoke):
    stage.start_all()
    stage.become_whole()
    pairs = stage.pairs([LAST], OTHERS)
    deaf = {(LAST, j) for j in OTHERS}
    for _ in range(1 if is_smoke else 3):
        settle(stage, is_smoke)
        what = f"nothing gets from h{LAST} to the others"
        since = stage.notice(pairs, hosts_set(stage, cut=deaf), what, alone=LAST)
        noticed = time.monotonic()
        stage.watch(max(0.0, since + (8 if is_smoke else 20) - time.monotonic()))
        back = [(who, whom) for when, who, whom in stage.mesh.gains if when > noticed]
        stage.check(f"nobody takes it for alive while it can't answer: {back}", not back)
        stage.become_whole_again(hosts_set(stage, cut=set()), since, "it is heard again")
    stage.check_alarms()


def flap(stage, is_smoke):
    stage.start_all()
    stage.become_whole()
    stage.watch(5)
    pairs = stage.pairs([LAST], OTHERS)
    since, gains, losses = time.monotonic(), len(stage.mesh.gains), len(stage.mesh.losses)
    stage.excuse(pairs)
    for _ in range(3 if is_smoke else 10):
        stage.hosts.plug(LAST, False)
        stage.watch(3)
        stage.hosts.plug(LAST, True)
        stage.watch(3)
    lost, found = len(stage.mesh.losses) - losses, len(stage.mesh.gains) - gains
    stage.row.remarks.append(f"while it flapped {lost} times one lost another, and {found} times found")
    stage.become_whole_again(lambda: None, since, "the cable stays in", settle_s=stage.notice_bound_s())
    since = stage.notice(pairs, lambda: stage.hosts.plug(LAST, False), f"h{LAST}'s cable stays out")
    stage.watch(10)
    stage.become_whole_again(lambda: stage.hosts.plug(LAST, True), since, "it is in again")
    stage.check_alarms()


def partition(stage, is_smoke):
    halves = [1, 3, 5, 7], [2, 4, 6, 8]
    pairs = stage.pairs(*halves)
    stage.start_all()
    stage.become_whole()
    for _ in range(1 if is_smoke else 3):
        stage.watch(5)
        since = stage.notice(pairs, hosts_set(stage, cut=pairs), "the network falls into halves")
        stage.watch(max(0.0, since + (10 if is_smoke else 20) - time.monotonic()))
        stage.check("each half is whole", all(stage.mesh.tables_agree(half) for half in halves))
        stage.become_whole_again(hosts_set(stage, cut=set()), since, "the halves are joined")
    stage.check_alarms()


def hole(stage, is_smoke):
    """Pings are small, and so the hole is met only when somebody asks the others whom they know."""
    stage.start_all()
    stage.become_whole()
    hosts_set(stage, hole={LAST: HOLE_BYTES})()
    stage.watch(5 if is_smoke else 30)
    stage.check_alarms()

    stage.excuse(stage.pairs([LAST], OTHERS))
    since = time.monotonic()
    stage.mesh.stop(LAST, signal.SIGKILL).child.wait()
    stage.start(LAST)
    stage.mesh.wait_for(lambda: stage.mesh.nodes[LAST].known, START_LIMIT_S * SLOW)
    begin = time.monotonic()
    stage.watch(10 if is_smoke else 60)
    bound_s = stage.notice_bound_s()
    lives = lives_of_connections(stage.mesh, since, LAST)
    hung = [life for life, is_over in lives if is_over or life > bound_s * SLOW]
    stage.row.notice_s.append(max(hung, default=0.0))
    stage.row.notice_bound_s = bound_s
    stage.row.remarks.append(f"{len(lives) // 2} connections in {time.monotonic() - begin:.0f} s")
    stage.check(
        f"{len(hung)} ends of connections hang in the hole, for {max(hung, default=0):.1f} s, at most {bound_s:g} s",
        hung and max(hung) <= bound_s * SLOW,
    )
    # Connections that hang there at this moment may live or not: what hangs may come too late for a pong.
    settle_s = stage.notice_bound_s()
    stage.become_whole_again(hosts_set(stage, hole={}), since, "the hole is mended", settle_s=settle_s)
    stage.check_alarms()


def lives_of_connections(mesh, since, i):
    """How long each end of the host's connections has lived, and whether it is over."""
    now, begun, lives = time.monotonic(), {}, []
    events = [(when, who, whom, True) for when, who, whom in mesh.gains]
    events += [(when, who, whom, False) for when, who, whom, _ in mesh.losses]
    for when, who, whom, is_gain in sorted(event for event in events if event[0] >= since and i in event[1:3]):
        if is_gain:
            begun.setdefault((who, whom), when)
        elif (who, whom) in begun:
            lives.append((when - begun.pop((who, whom)), True))
    return lives + [(now - when, False) for when in begun.values()]


def double(stage, is_smoke):
    """The last two have the same nodeid. The first of them keeps its place; when it dies, the other one gets it."""
    first, second = SIZE - 1, SIZE
    nodeid = ["-o", "nodeid=11111111-2222-4333-8444-555555555555"]
    stage.hosts.apply()
    for i in OTHERS:
        stage.start(i, nodeid if i == first else [])
    stage.become_whole(OTHERS)
    stage.watch(CALM_S)
    begin = time.monotonic()
    stage.start(second, nodeid)
    stage.mesh.wait_for(lambda: stage.mesh.nodes[second].says("the same nodeid"), 2 * DOUBLE_BOUND_S * SLOW)
    took_s = time.monotonic() - begin
    stage.row.notice_s.append(took_s)
    stage.row.notice_bound_s = DOUBLE_BOUND_S
    stage.check(
        f"h{second} says after {took_s:.1f} s that it may be a double, at most {DOUBLE_BOUND_S} s",
        took_s <= DOUBLE_BOUND_S * SLOW,
    )
    stage.watch(5 if is_smoke else 60)
    gained = [(who, whom) for when, who, whom in stage.mesh.gains if when > begin]
    stage.check(f"h{first} keeps its place, and nobody takes h{second} for it: {gained}", not gained)
    stage.check_alarms()

    stage.excuse(stage.pairs([first], OTHERS))
    rest = [*OTHERS[:-1], second]
    stage.become_whole_again(lambda: stage.mesh.stop(first, signal.SIGKILL), begin, f"h{first} dies", rest)
    stage.check_alarms()


def clock(stage, is_smoke):
    """The clock of the last host jumps: by a day, back, and back by a day more."""
    faketime = fake.Clock(stage.name)
    folder = faketime.folder
    os.makedirs(f"{folder}/state")
    state = ["-o", f"state_dir={folder}/state"]
    faked = faketime.prefix

    def jump(days):
        faketime.jump(f"{days:+d}d")

    jump(0)
    stage.hosts.apply()
    for i in OTHERS:
        stage.start(i)
    stage.start(LAST, state, faked)
    stage.become_whole()
    for days in [1] if is_smoke else [1, 0, -1]:
        jump(days)
        stage.watch(3 * stage.notice_bound_s())
        pairs = stage.pairs([1], stage.everybody)
        since = stage.notice(pairs, hosts_set(stage, cut=pairs), f"h{LAST}'s clock is {days:+d} d, and h1 is cut off")
        line = next(line for _, who, whom, line in stage.mesh.losses[::-1] if (who, whom) == (LAST, 1))
        off_d = round((calendar.timegm(time.strptime(line[:19], "%Y-%m-%dT%H:%M:%S")) - time.time()) / 86400)
        stage.check(f"its log is {off_d:+d} d off", off_d == days)
        stage.watch(5)
        stage.become_whole_again(hosts_set(stage, cut=set()), since, "the cut is over")
    stage.check_alarms()

    jump(1)
    since = time.monotonic()
    stage.excuse(stage.pairs([LAST], OTHERS))
    stage.mesh.stop(LAST, signal.SIGTERM).child.wait(START_LIMIT_S)
    jump(0)
    stage.become_whole_again(
        lambda: stage.start(LAST, state, faked, has_bootstrap=False),
        since,
        f"h{LAST} starts without a bootstrap, and what it has kept is of tomorrow",
    )


SCENARIOS = {
    "hang": (hang, {"with_serf": True}),
    "cable": (cable, {"with_serf": True}),
    "oneway": (oneway, {"with_serf": True}),
    "loss10": (loss10, {"with_serf": True, "witness_slack_s": 2}),
    "loss30": (loss30, {"with_serf": True, "witness_slack_s": 5}),
    "delay": (delay, {"with_serf": True, "relay_ms": (100, 300), "witness_slack_s": 2}),
    "flap": (flap, {"settings": {**QUICK, "ping_timeout": 2 * SLOW}}),
    "partition": (partition, {"settings": QUICK}),
    "hole": (hole, {"settings": {**QUICK, "max_nodes": 0}}),
    "double": (double, {"settings": QUICK}),
    "clock": (clock, {"settings": {**QUICK, "ping_timeout": 5 * SLOW}}),
    **truth.SCENARIOS,
}
SMOKE = ["hang", "oneway", "partition", "hole", "double", *truth.SMOKE]


def play(report, name, is_smoke):
    number = 1 + list(SCENARIOS).index(name)
    action, options = SCENARIOS[name]
    with_serf = options.get("with_serf", False) and not is_smoke and serf.is_there()
    stage = Stage(report, name, number, **{**options, "with_serf": with_serf})
    is_over = False
    try:
        action(stage, is_smoke)
        stage.stop_all()
        is_over = not stage.has_failed
    finally:
        if not is_over:
            stage.keep_logs()
        stage.end()
