"""Hosts that are network namespaces, joined by a bridge in a namespace of its own or by the relay, and what goes wrong.

run.py has made the namespaces of processes, mounts and networks in which all of this happens: they end with it.
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 5999
COMMAND_LIMIT_S = 30


class Failure(Exception):
    """A scenario that can't go on; says why."""


def run(arguments, text=None):
    result = subprocess.run(
        arguments, input=text, text=True, capture_output=True, timeout=COMMAND_LIMIT_S, check=False
    )
    if result.returncode != 0:
        raise Failure(f"{' '.join(arguments)}: {(result.stderr or result.stdout).strip()}")


def batch(lines, *options):
    run(["ip", *options, "-batch", "-"], "".join(line + "\n" for line in lines))


class Hosts:
    """So many hosts, counted from 1. What each lets in is changed here and takes effect in apply()."""

    def __init__(self, name, number, size, relay_ms=None):
        self.name = name
        self.number = number  # of this network among those of the run
        self.all = range(1, size + 1)
        self.relay = None
        self.loss_percent = 0  # for every host
        self.cut = set()  # (from, to): nothing gets from one to the other
        self.undialled = set()  # (from, to): new connections are not let in, those that are there stay
        self.hole = {}  # host: packets that are longer don't get there
        self.applied = {}  # host: its rules
        batch([f"netns add {self.namespace(i)}" for i in self.all])
        if relay_ms:
            self.join_by_relay(relay_ms)
        else:
            self.join_by_bridge()

    def namespace(self, i):
        return f"{self.name}-{i}"

    def host(self, i):
        return f"10.{self.number}.0.{i}"

    def address(self, i):
        return f"{self.host(i)}:{PORT}"

    def inside(self, i):
        """The beginning of a command that runs on the host, in the very process that is started."""
        return ["nsenter", f"--net=/run/netns/{self.namespace(i)}", "--"]

    def join_by_bridge(self):
        batch([f"netns add {self.name}-bridge"])
        lines = ["link add bridge type bridge", "link set bridge up"]
        for i in self.all:
            lines += [
                f"link add port{i} type veth peer name eth0 netns {self.namespace(i)}",
                f"link set port{i} master bridge up",
            ]
        batch(lines, "-n", f"{self.name}-bridge")
        self.set_up("eth0")

    def join_by_relay(self, delay_ms):
        least_ms, most_ms = delay_ms
        self.relay = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "relay.py"), str(least_ms), str(most_ms)]
            + [f"/run/netns/{self.namespace(i)}" for i in self.all],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.relay.stdout.readline() != "ready\n":
            raise Failure("the relay didn't start")
        self.set_up("tun0")

    def set_up(self, device):
        for i in self.all:
            batch(
                ["link set lo up", f"address add {self.host(i)}/24 dev {device}", f"link set {device} up"],
                "-n",
                self.namespace(i),
            )

    def rules(self, i):
        cut = [self.host(sender) for sender, receiver in sorted(self.cut) if receiver == i]
        if cut:
            yield f"ip saddr {{ {', '.join(cut)} }} drop"
        undialled = [self.host(sender) for sender, receiver in sorted(self.undialled) if receiver == i]
        if undialled:
            yield f"ip saddr {{ {', '.join(undialled)} }} tcp flags & (syn | ack) == syn drop"
        if i in self.hole:
            yield f"meta length > {self.hole[i]} drop"
        if self.loss_percent:
            yield f'iifname != "lo" numgen random mod 100 < {self.loss_percent} drop'

    def apply(self):
        """Replaces the rules of those hosts where they have changed, of all at the same time."""
        commands = []
        for i in self.all:
            rules = "".join(f"\t\t{rule}\n" for rule in self.rules(i))
            if rules == self.applied.get(i, ""):
                continue
            self.applied[i] = rules
            text = (
                "table inet chaos\ndelete table inet chaos\ntable inet chaos {\n\tchain input {\n"
                f"\t\ttype filter hook input priority 0\n{rules}\t}}\n}}\n"
            )
            command = subprocess.Popen(
                self.inside(i) + ["nft", "-f", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            command.stdin.write(text)
            command.stdin.close()
            commands.append(command)
        for command in commands:
            errors = command.stderr.read()
            command.stderr.close()
            if command.wait(COMMAND_LIMIT_S) != 0:
                raise Failure(f"nft: {errors.strip()}")

    def plug(self, i, is_plugged):
        """The host's cable, at the bridge."""
        state = "up" if is_plugged else "down"
        run(["ip", "-n", f"{self.name}-bridge", "link", "set", f"port{i}", state])

    def end(self):
        if self.relay:
            self.relay.kill()
            self.relay.wait()
            self.relay.stdout.close()
