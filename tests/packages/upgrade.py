"""The life of the packages on a machine: installed, upgraded, used, removed, purged, installed again."""

import os
import re
import shlex
import signal
import subprocess

from machine import Failure, run

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Of several units, is-active is content with one.
BOTH_ACTIVE = "systemctl is-active kithd && systemctl is-active kithd.socket"
CONF = "/etc/kith/kith.conf"
# What a package leaves behind by Debian's rules: users, and the package manager's own notes and copies.
LEFT = r"^/(var/log/|var/cache/|var/lib/dpkg/|var/lib/apt/|packages/|proc/|sys/|home/)"


def make_earlier(packages, place):
    """The same packages as they might have been before: an earlier version, whose settings file was another."""
    made = []
    for path in packages:
        tree, earlier = f"{path}.tree", os.path.join(place, "earlier-" + os.path.basename(path))
        tree = os.path.join(place, os.path.basename(tree))
        run("dpkg-deb", "-R", path, tree)
        edit(f"{tree}/DEBIAN/control", lambda text: re.sub(r"(?m)^(Version: .*)$", r"\1~earlier", text))
        if os.path.exists(tree + CONF):
            edit(tree + CONF, lambda text: "# The file of an earlier version.\n" + text)
        run("dpkg-deb", "-b", tree, earlier)
        made.append(earlier)
    return made


def edit(path, change):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(change(text))


def has(text, *wanted):
    for words in wanted:
        if words not in text:
            raise Failure(f"{words} is not in:\n{text}")


def is_same(what, one, other):
    if one != other:
        raise Failure(f"{what}: {one}, and then {other}")


def install(machine, folder):
    # As README.md says; the settings file that somebody has changed stays, as the answer to the question would be.
    machine.run(f"apt-get -q install -y -o Dpkg::Options::=--force-confold {folder}/*.deb")


def play(machine, packages, place):
    for path in packages:
        machine.copy(path, f"/packages/new/{os.path.basename(path)}")
    for path in make_earlier(packages, place):
        machine.copy(path, f"/packages/earlier/{os.path.basename(path)}")
    machine.copy(os.path.join(TOP, "conf/debian/tests/service"), "/packages/service")
    machine.prepare("apt-get -q install -y /packages/earlier/*.deb")
    yield "installed with what they depend on, in a machine that is off"
    try:
        machine.start("--boot", "--notify-ready=yes")
        yield "the machine runs systemd"
        yield from play_upgrade(machine)
        yield from play_service(machine)
        yield from play_purge(machine)
        yield from play_rollout(machine, packages, place)
        status = machine.stop()
        if status != 0:
            raise Failure(f"the machine ended with {status}:\n{machine.output()}")
    except Failure as problem:
        journal = machine.leader and machine.process and machine.run("journalctl -q --no-pager -n 40 -u kithd -u kithd.socket")
        raise type(problem)(f"{problem}\n{journal or ''}") from None
    finally:
        if machine.process:
            machine.stop(signal.SIGKILL)


def play_upgrade(machine):
    machine.await_that("the service", "systemctl is-active kithd")
    # A second node, of which the first one learns the address; and a setting of the operator.
    machine.run(f"echo 'name = \"alpha\";' >>{CONF} && systemctl reload kithd")
    machine.run("systemd-run -q --unit=beta -p User=kithd kithd -o name=beta -o control= -l 127.0.0.1:6000 -b 127.0.0.1:5999")
    machine.await_that("the peer", "kith peers -n alpha -r --noheadings -o name | grep -qx beta")
    machine.run("systemctl stop beta")
    before = [machine.run("cat /var/lib/kith/nodeid"), machine.run("systemctl show -P MainPID kithd"), machine.run(f"cat {CONF}")]
    output = machine.run("apt-get -q install -y -o Dpkg::Options::=--force-confold /packages/new/*.deb")
    after = [machine.run("cat /var/lib/kith/nodeid"), machine.run("systemctl show -P MainPID kithd"), machine.run(f"cat {CONF}")]
    is_same("the nodeid", before[0], after[0])
    is_same("the settings", before[2], after[2])
    has(machine.run(f"cat {CONF}"), 'name = "alpha";', "# The file of an earlier version.")
    if "earlier version" in machine.run(f"cat {CONF}.dpkg-dist"):
        raise Failure("the new settings file is not beside the changed one")
    yield "an upgrade keeps the nodeid and a changed settings file"
    if before[1] == after[1]:
        raise Failure(f"the upgrade did not start it again: {output}")
    machine.await_that("the service", BOTH_ACTIVE)
    has(machine.run("kith info"), before[0].strip())
    has(machine.run("kith addresses"), "127.0.0.1:6000")
    has(machine.run("systemctl show -P StatusText kithd"), "alpha (")
    yield "an upgrade starts the new program, which knows its nodeid and its peers' addresses"


def play_service(machine):
    done = subprocess.run(machine.enter("/packages/service"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("passed: "):
            yield line[len("passed: ") :]
    if done.returncode != 0:
        raise Failure(done.stdout)


def kith_files(machine):
    found = machine.run("find / -path /proc -prune -o -path /sys -prune -o -iname '*kith*' -print").splitlines()
    return [path for path in found if not re.match(LEFT, path)]


def play_purge(machine):
    machine.run("apt-get -q remove -y kith kithd")
    machine.run(f"test -e {CONF} && test -e /var/lib/kith/nodeid && ! pidof kithd")
    machine.run("systemctl is-active kithd", status=3)
    yield "removed, the settings and the state stay and nothing runs"
    machine.run("apt-get -q purge -y kith kithd")
    left = kith_files(machine)
    if left:
        raise Failure(f"a purge leaves {left}")
    yield "purged, nothing stays"
    machine.run("apt-get -q install -y /packages/earlier/*.deb")
    machine.await_that("the service", f"{BOTH_ACTIVE} && kith")
    yield "installed on a machine that runs, it runs at once"


def play_rollout(machine, packages, place):
    """The example that sets up machines over ssh, with another way into this one."""
    remote = os.path.join(place, "remote")
    with open(remote, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o700)) as file:
        file.write(f'#!/bin/sh\n{shlex.join(machine.enter("sh", "-c"))} "$2"\n')
    command = ["bash", os.path.join(TOP, "conf/examples/rollout.sh"), "-e", remote, "-s", f"{place}/secret", "-b", "127.0.0.1"]
    run(*command, "inside")
    is_same("the secret", "640 root kithd", machine.run("stat -c '%a %U %G' /etc/kith/secret").strip())
    has(machine.run("systemctl show -P StatusText kithd"), ", private, ")
    yield "rollout.sh makes a private network"
    before = machine.run("systemctl show -P MainPID kithd")
    run(*command, "inside")
    is_same("what runs", before, machine.run("systemctl show -P MainPID kithd"))
    yield "a second time, it changes nothing"
    run(*command, "-d", os.path.dirname(packages[0]), "inside")
    if "earlier" in machine.run("dpkg-query -W kithd kith"):
        raise Failure("the packages are those of before")
    has(machine.run(f"cat {CONF}"), 'bootstrap = ["127.0.0.1"];', "# The file of an earlier version.")
    machine.await_that("the service", BOTH_ACTIVE)
    has(machine.run("systemctl show -P StatusText kithd"), ", private, ")
    yield "with newer packages, it upgrades a node whose settings it has changed"
