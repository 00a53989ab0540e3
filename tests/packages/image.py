"""The container of conf/container/Containerfile, made and run by what this machine has."""

import json
import os
import re
import shlex
import signal
import subprocess

from machine import Failure, Machine, await_that

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RECIPE = os.path.join(TOP, "conf/container/Containerfile")


def read_recipe():
    """The instructions, each as its name and its text."""
    with open(RECIPE, encoding="utf-8") as file:
        lines = [line for line in file.read().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line]


def make(machine, packages):
    """Does what the recipe says; what it says of the running container is returned."""
    config = {}
    for name, text in read_recipe():
        if name == "COPY":
            for path in packages:
                machine.copy(path, f"{text.split()[-1]}{os.path.basename(path)}")
        elif name == "RUN":
            machine.prepare(text)
        elif name in ("FROM", "USER", "VOLUME", "EXPOSE", "ENTRYPOINT", "HEALTHCHECK"):
            config[name] = text
        else:
            raise Failure(f"the recipe has {name}, of which this test knows nothing")
    return config


def children(leader):
    """The processes that process 1 of the container has, with their states."""
    found = {}
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/stat", encoding="utf-8") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if parent == leader:
            found[number] = state
    return found


def play(base, packages, place):
    machine = Machine(base, os.path.join(place, "container"))
    config = make(machine, packages)
    yield "the steps of the recipe can be done"
    user = config["USER"]
    try:
        machine.start(f"--user={user}", "--kill-signal=SIGTERM", *json.loads(config["ENTRYPOINT"]), "-o", "name=inside")
        yield from play_running(machine, user, config)
        status = machine.stop()
        if status != 0:
            raise Failure(f"it ended with {status}:\n{machine.output()}")
        yield "SIGTERM stops it, and all is well"
    except Failure as problem:
        raise type(problem)(f"{problem}\n{machine.output()}") from None
    finally:
        if machine.process:
            machine.stop(signal.SIGKILL)


def play_running(machine, user, config):
    as_user = f"setpriv --reuid {user} --regid {user} --clear-groups "
    health = config["HEALTHCHECK"].partition("CMD ")[2]
    machine.await_that("the health check", as_user + "sh -c " + shlex.quote(health))
    owner = machine.run("stat -c '%U %u' /proc/1").split()
    if owner != [user, "599"]:
        raise Failure(f"process 1 belongs to {owner}")
    machine.run("test -s /var/lib/kith/nodeid")
    yield "it runs as process 1 and as a user, keeps its state, and is healthy"
    # The shell ends before what it has started, which then belongs to process 1.
    subprocess.run(machine.enter("sh", "-c", "sleep 0.5 & sleep 0.5 &"), check=True, stdin=subprocess.DEVNULL)
    if len(children(machine.leader)) != 2:
        raise Failure(f"process 1 has the children {children(machine.leader)}")
    await_that("the end of orphans", lambda: not children(machine.leader))
    yield "it cleans up after processes whose parents have ended"
    os.kill(int(machine.leader), signal.SIGSTOP)
    timed = subprocess.run(machine.enter(*shlex.split(as_user), "timeout", "5", "sh", "-c", health), capture_output=True, check=False)
    os.kill(int(machine.leader), signal.SIGCONT)
    if timed.returncode == 0:
        raise Failure("a node that hangs is healthy")
    yield "it is not healthy when its node hangs"
