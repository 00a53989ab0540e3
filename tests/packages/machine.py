"""Machines of Debian packages: directories that share a base, run by systemd-nspawn."""

import os
import shutil
import signal
import socket
import subprocess
import time

SLOW = float(os.environ.get("SLOW", "1"))
LIMIT_S = 30 * SLOW
START_LIMIT_S = 60 * SLOW
COMMAND_LIMIT_S = 300 * SLOW
# What a command finds in its environment, and nothing else.
ENVIRONMENT = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
# Not known to a service manager of this machine, which may have none.
NSPAWN = ["env", "SYSTEMD_NSPAWN_TMPFS_TMP=0", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe"]


class Failure(Exception):
    """What did not happen, or what happened instead."""


class CannotStart(Failure):
    """This machine cannot run the other one: nothing is known of what is in it."""


def run(*command, limit_s=COMMAND_LIMIT_S, status=0, **options):
    """The output of a command, which must end with this status."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit_s, **options
    )
    if done.returncode != status:
        raise Failure(f"{' '.join(command)} ended with {done.returncode}, not {status}:\n{done.stdout}")
    return done.stdout


def await_that(what, condition, limit_s=LIMIT_S):
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {limit_s:g} s")
        time.sleep(0.05)


def sources():
    """Where this machine takes Debian's packages from, as lines of sources.list, and how it reaches that."""
    lines = []
    for target in run("apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages").splitlines():
        origin, *where = target.split()
        if origin in ("Debian", "Debian-Security"):
            lines.append(f"deb {' '.join(where)}")
    if not lines:
        raise Failure("apt has no lists of Debian's packages: run apt-get update")
    options = [line.rstrip(";") for line in run("apt-config", "dump").splitlines() if line.startswith(("Acquire::http", "Acquire::Check"))]
    return lines, [f"--aptopt={line}" for line in options if not line.endswith('""')]


def make_base(folder):
    """The least that Debian is, of the release of this machine."""
    lines, options = sources()
    with open("/etc/os-release", encoding="utf-8") as file:
        release = next(line.strip().split("=")[1] for line in file if line.startswith("VERSION_CODENAME="))
    # The lists stay, for what is installed later.
    options += ["--aptopt=Acquire::Languages \"none\"", "--skip=cleanup/apt/lists"]
    run("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", *options, release, folder, *lines)


class Machine:
    """A directory that begins as the base, and what runs in it."""

    def __init__(self, base, folder):
        self.root = os.path.join(folder, "root")
        self.log = os.path.join(folder, "log")
        self.process = self.leader = None
        layers = [os.path.join(folder, name) for name in ("upper", "work")]
        for directory in (self.root, *layers):
            os.makedirs(directory)
        options = f"lowerdir={base},upperdir={layers[0]},workdir={layers[1]}"
        run("mount", "-t", "overlay", "-o", options, "overlay", self.root)

    def check(self):
        """Whether anything can run in it."""
        try:
            self.prepare("true")
        except Failure as problem:
            raise CannotStart(f"this machine cannot run it: {problem}") from None

    def copy(self, path, to):
        target = self.root + to
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(path, target)

    def prepare(self, command):
        """Runs a command as root in the machine that is off, in the network of this one."""
        return run(*NSPAWN, "-D", self.root, "--pipe", *ENVIRONMENT, "sh", "-c", command)

    def start(self, *arguments):
        """Starts it, without a network: with --boot, or with a command as process 1. Waits until it says that it is ready."""
        path = os.path.join(os.path.dirname(self.root), "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, open(self.log, "wb") as log:
            notify.bind(path)
            notify.settimeout(0.5)
            self.process = subprocess.Popen(
                [*NSPAWN, "-D", self.root, "--private-network", *arguments],
                env={**os.environ, "NOTIFY_SOCKET": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            heard = ""
            while "READY=1" not in heard.splitlines():
                heard += self.hear(notify, time.monotonic() + START_LIMIT_S) + "\n"
        self.leader = next(line.split("=")[1] for line in heard.splitlines() if line.startswith("X_NSPAWN_LEADER_PID="))

    def hear(self, notify, end):
        """What the machine or its container says next."""
        while True:
            try:
                return notify.recv(4096).decode()
            except TimeoutError:
                if self.process.poll() is not None or "Freezing execution" in self.output():
                    raise CannotStart(f"this machine cannot run it:\n{self.output()}") from None
                if time.monotonic() > end:
                    raise Failure(f"the machine did not start within {START_LIMIT_S:g} s:\n{self.output()}") from None

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]

    def enter(self, *command):
        """This command in the machine that runs, as one for this machine."""
        return ["nsenter", "-t", self.leader, "-m", "-u", "-i", "-n", "-p", "-C", "--root", "--wd", *ENVIRONMENT, f"SLOW={int(SLOW)}", *command]

    def run(self, command, status=0):
        return run(*self.enter("sh", "-c", command), status=status)

    def await_that(self, what, command):
        await_that(what, lambda: subprocess.run(self.enter("sh", "-c", command), capture_output=True, check=False).returncode == 0)

    def stop(self, number=signal.SIGTERM):
        """Returns how it ended."""
        process, self.process = self.process, None
        if process is None:
            return None
        try:
            process.send_signal(number)
            return process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failure(f"the machine did not stop within {LIMIT_S:g} s:\n{self.output()}") from None
