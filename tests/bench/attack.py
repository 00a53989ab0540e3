"""How long a good peer waits for its answers while a node is attacked: the attacks of the system tests."""

import os
import re
import subprocess

from parts import Goal, Metric
from targets import BUILD, KITHD, Failure

SYSTEM = os.path.join(BUILD, "tests/system/system")
LIMIT_S = 120
LINE = re.compile(r"^attack: .*, p50 ([0-9.]+) ms, p99 ([0-9.]+) ms")
# The suites and names of tests in tests/system/test_attack.c.
ATTACKS = {
    "silent": "attack/2,000 silent connections",
    "dripping": "attack/300 dripping hellos",
    "never_reading": "attack/200 peers that never read",
    "garbage": "attack/a flood of garbage",
    "addr": "attack-addr/a flood of addr",
    "getaddr": "attack-getaddr/a flood of getaddr",
    "connects": "attack/a flood of connects and disconnects",
    "unread": "attack-unread/16 clients of the control socket that never read",
    "asking": "attack/16 clients that send as fast as they can",
    "watching": "attack/16 watchers, and peers that come and go",
}
MOST_MS = 50


class AttackPart:
    """A good peer pings a node 100 times a second, whatever others do to the node."""

    name = "attack"
    title = "Round trips of a good peer, while others attack the node"
    targets = ["kithd"]
    most_rounds = 1
    seconds = 75
    metrics = [Metric(key, f"RTT p99, ms: {test.partition('/')[2]}", "less", (0.01, 10000)) for key, test in ATTACKS.items()]
    goals = [Goal(key, MOST_MS) for key in ATTACKS]

    def smoke_targets(self):
        return self.targets

    def run_round(self, number, names, is_smoke):
        """Yields each target's name, its figures, and what was wrong or None."""
        attacks = {"garbage": ATTACKS["garbage"]} if is_smoke else ATTACKS
        for name in names:
            yield name, {key: self.p99_ms(test, 50 if is_smoke else 200) for key, test in attacks.items()}, None

    def p99_ms(self, test, pings):
        done = subprocess.run(
            [SYSTEM, test],
            env={**os.environ, "KITHD": KITHD, "PINGS": str(pings)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        lines = [match for line in done.stdout.splitlines() if (match := LINE.match(line))]
        if done.returncode != 0 or not lines:
            raise Failure(f"the attack failed:\n{done.stdout}")
        return float(lines[0][2])
