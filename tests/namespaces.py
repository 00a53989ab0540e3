"""Runs a program again in namespaces of its own, where nobody sees what it does."""

import os
import shutil
import signal
import subprocess
import sys

INSIDE = "KITH_INSIDE"
PACKAGES = {"unshare": "util-linux", "setpriv": "util-linux"}
NO_ROOT_STATUS = 77


def is_inside():
    return INSIDE in os.environ


def run_inside(name, packages, target, *options):
    """Starts this program again in namespaces; when unshare dies, the kernel ends all that is in them.

    It needs the programs of these packages, which the target of make installs. The options are those of unshare, for
    namespaces beyond those of mounts and processes.
    """
    if os.geteuid() != 0:
        print(f"{name}: needs root, to make namespaces; nothing was run", file=sys.stderr)
        return NO_ROOT_STATUS
    for program, package in {**PACKAGES, **packages}.items():
        if not shutil.which(program):
            sys.exit(f"{name}: there is no {program}; install {package} (make {target})")
    own = ["unshare", *options, "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
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
    try:
        return child.wait()
    finally:
        child.wait()
