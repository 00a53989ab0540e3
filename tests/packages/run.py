#!/usr/bin/python3
"""The packages of Debian: built twice, looked at, installed, upgraded and purged. README.md tells how.

Usage: run.py

BUILD is where `make` builds, VERSION what it builds, and SLOW stretches every deadline. Needs root, for namespaces of processes and mounts of
its own, and Debian's packages. Nothing of it is seen outside, and all of it ends with this process, however that ends.
"""

import glob
import os
import shutil
import subprocess
import sys
import threading
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True  # what is made goes into BUILD and nowhere else
sys.path.insert(1, os.path.join(TOP, "tests"))

import image
import namespaces
import upgrade
from machine import CannotStart, Failure, Machine, make_base, run

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
PLACE = os.path.join(BUILD, "packages")
TARBALL = f"kith-{os.environ['VERSION']}.tar.gz"
NEEDED = {"dpkg-buildpackage": "dpkg-dev", "dh": "debhelper", "lintian": "lintian", "mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container"}
BUILD_LIMIT_S = 600


class Report:
    """What passed and what failed."""

    def __init__(self):
        self.passed = self.failed = 0

    def play(self, name, act, *arguments):
        """Returns whether it passed; what it yields are names of more that has passed."""
        begin = time.monotonic()
        try:
            for more in act(*arguments) or ():
                print(f"passed          {more}", flush=True)
                self.passed += 1
        except CannotStart as problem:
            print(f"passed over: {name}: {problem}", flush=True)
            return True
        except Exception as problem:  # whatever it is, the others are played and the last line is printed
            self.failed += 1
            print(f"FAILED {time.monotonic() - begin:6.1f} s  {name}\n{problem}", flush=True)
            if not isinstance(problem, (Failure, OSError, subprocess.SubprocessError)):
                traceback.print_exc()
            return False
        self.passed += 1
        print(f"passed {time.monotonic() - begin:6.1f} s  {name}", flush=True)
        return True


def make_deb(folder, build, **environment):
    run("make", "deb", f"BUILD={build}", limit_s=BUILD_LIMIT_S, cwd=folder, env={**os.environ, "DEB_BUILD_OPTIONS": "nocheck", **environment})


def results(build):
    return {os.path.basename(path): path for path in [f"{build}/{TARBALL}", *glob.glob(f"{build}/deb/*.deb")]}


def differences(one, other):
    """What differs between two packages, in words if there is a program for it."""
    if not shutil.which("diffoscope"):
        return "diffoscope would say in what"
    return subprocess.run(["diffoscope", "--text-color=never", one, other], stdout=subprocess.PIPE, text=True, check=False).stdout[:4000]


def build_again():
    """From the tarball, where no git is, in another folder, zone of time and language, and by a user who hides files."""
    elsewhere = os.path.join(PLACE, "elsewhere", "deeper")
    os.makedirs(elsewhere)
    run("tar", "-xf", os.path.join(BUILD, TARBALL), "-C", elsewhere)
    tree = os.path.join(elsewhere, TARBALL.removesuffix(".tar.gz"))
    before = os.umask(0o077)
    try:
        make_deb(tree, "build", TZ="Pacific/Kiritimati", LC_ALL="C.UTF-8", HOME=elsewhere, USER="somebody")
    finally:
        os.umask(before)
    first, second = results(BUILD), results(f"{tree}/build")
    if sorted(first) != sorted(second):
        raise Failure(f"built were {sorted(first)}, and then {sorted(second)}")
    for name, path in first.items():
        with open(path, "rb") as one, open(second[name], "rb") as other:
            if one.read() != other.read():
                raise Failure(f"{name} differs: {differences(path, second[name])}")


def look_at():
    """What lintian says above its level info."""
    changes = glob.glob(f"{BUILD}/deb/*.changes")[0]
    run("lintian", "--pedantic", "--allow-root", "--fail-on", "error,warning", changes)


def make_machine(made):
    base = os.path.join(PLACE, "base")
    make_base(base)
    made["base"] = base
    machine = Machine(base, os.path.join(PLACE, "machine"))
    machine.check()
    machine.prepare("apt-get -q install -y --no-install-recommends systemd")
    made["machine"] = machine


def play_all(report):
    begin = time.monotonic()
    made = {}
    maker = threading.Thread(target=report.play, args=("a machine of Debian's packages", make_machine, made))
    maker.start()
    is_built = report.play("the packages are built from the tarball", make_deb, TOP, BUILD)
    if is_built:
        report.play("the same packages and tarball come out elsewhere, later and without git", build_again)
        report.play("lintian finds nothing", look_at)
    maker.join()
    packages = [path for name, path in results(BUILD).items() if name.startswith(("kith_", "kithd_"))]
    if is_built and "machine" in made:
        report.play("installed, upgraded, removed and purged", upgrade.play, made["machine"], packages, PLACE)
    if is_built and "base" in made:
        report.play("the container", image.play, made["base"], packages, PLACE)
    print(f"in {time.monotonic() - begin:.0f} s")


def forget_groups():
    """The control groups that systemd-nspawn has made below that of this process, and which are empty now."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        owns = {line.strip().split(":", 2)[2].strip("/") for line in file}
    for top in ["/sys/fs/cgroup", *glob.glob("/sys/fs/cgroup/*/")]:
        for own in owns:
            for name in ("payload", "supervisor"):
                for folder, _, _ in os.walk(os.path.join(top, own, name), topdown=False):
                    try:
                        os.rmdir(folder)
                    except OSError:
                        pass  # somebody else's


def main():
    os.makedirs(PLACE, exist_ok=True)
    if not namespaces.is_inside():
        try:
            return namespaces.run_inside("packages", NEEDED, "deps-deb")
        finally:
            forget_groups()
    for folder in (PLACE, "/run"):  # what stands in them is gone with the namespace
        subprocess.run(["mount", "-t", "tmpfs", "packages", folder], check=True)
    report = Report()
    play_all(report)
    print(f"packages: {report.passed} passed, {report.failed} failed")
    return int(report.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
