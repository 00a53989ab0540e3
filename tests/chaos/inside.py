"""Runs a program again in namespaces of its own, where it may do with networks what it likes and nobody sees it."""

import os
import subprocess
import sys

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import namespaces

PACKAGES = {"ip": "iproute2", "nft": "nftables"}
PRIORITY = -10  # what is tested is a bad network, not a machine that is busy with something else

is_inside = namespaces.is_inside


def settle_in():
    """The first thing in the namespaces: a /run of its own for what ip(8) keeps there."""
    os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    subprocess.run(["mount", "-t", "tmpfs", "chaos", "/run"], check=True)


def run_inside(name):
    return namespaces.run_inside(name, PACKAGES, "deps-dev", "--net")
