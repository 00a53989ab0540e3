"""Runs a program again in namespaces of its own, where it may do with networks what it likes and nobody sees it."""

import os
import shutil
import signal
import subprocess
import sys

INSIDE = "KITH_CHAOS_INSIDE"
PACKAGES = {"ip": "iproute2", "nft": "nftables", "unshare": "util-linux"}
NO_ROOT_STATUS = 77
PRIORITY = -10  # what is tested is a bad network, not a machine that is busy with something else


def is_inside():
    return INSIDE in os.environ


def settle_in():
    """The first thing in the namespaces: a /run of its own for what ip(8) keeps there."""
    os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    subprocess.run(["mount", "-t", "tmpfs", "chaos", "/run"], check=True)


def run_inside(name):
    """Starts this program again in namespaces; when unshare dies, the kernel ends all that is in them."""
    if os.geteuid() != 0:
        print(f"{name}: needs root, to make network namespaces; nothing was run", file=sys.stderr)
        return NO_ROOT_STATUS
    for program, package in PACKAGES.items():
        if not shutil.which(program):
            sys.exit(f"{name}: there is no {program}; install {package} (make deps-dev)")
    own = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    child = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *own, sys.executable, *sys.argv],
        env={**os.environ, INSIDE: "1"},
        start_new_session=True,  # Ctrl-C is this process's own
    )

    def end(number, _):
        child.kill()
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    return child.wait()
