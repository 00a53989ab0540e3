"""The programs that are measured, and the load generator: started on a core of their own, and ended by process id."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD", "build")
KITHD = os.environ.get("KITHD", os.path.join(BUILD, "kithd"))
LOAD = os.path.join(BUILD, "tests/bench/load")
PROBE = os.path.join(BUILD, "tests/bench/probe")
PYTHON = "/usr/bin/python3"  # Debian's own, which finds Debian's Twisted

START_LIMIT_S = 10
LOAD_LIMIT_S = 180

CORES = sorted(os.sched_getaffinity(0))
TARGET_CORE, LOAD_CORE = CORES[0], CORES[-1]

PROBES = ["epoll-fixed", "pair-fixed", "pair-json", "pair-json-parked", "pair-exact"]


class Failure(Exception):
    """A measurement that can't be made; says why."""


class Process:
    running = []

    def __init__(self, arguments, core=None, stdout=subprocess.DEVNULL, stderr=None):
        self.errors = tempfile.TemporaryFile() if stderr is None else None
        # A child inherits the affinity of the thread that starts it.
        if core is not None:
            os.sched_setaffinity(0, {core})
        try:
            self.child = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=stdout, stderr=self.errors if stderr is None else stderr
            )
        finally:
            os.sched_setaffinity(0, CORES)
        self.pid = self.child.pid
        Process.running.append(self)

    def last_errors(self):
        self.errors.seek(0)
        return self.errors.read()[-2000:].decode(errors="replace").strip()

    def end(self):
        self.child.kill()
        self.child.wait()
        for file in (self.errors, self.child.stdout, self.child.stderr):
            if file:
                file.close()
        if self in Process.running:
            Process.running.remove(self)

    @staticmethod
    def end_all():
        for process in list(Process.running):
            process.end()


# What is bounded for the sake of the node isn't measured here; 0 is no limit.
LIMITS = ["max_connections", "max_handshakes", "max_message_rate", "max_byte_rate"]

address_count = 0


def next_host():
    """A host of 127.0.0.0/8 that no other run uses at this time, and this run not again soon."""
    global address_count
    address_count += 1
    pid = os.getpid()
    return f"127.{100 + pid // 250 % 100}.{pid % 250}.{address_count % 250 + 1}"


def is_listening(address, pid):
    """In the network namespace of that process."""
    host, port = address.rsplit(":", 1)
    number = int.from_bytes(socket.inet_aton(host), "little")
    wanted = f"{number:08X}:{int(port):04X}"
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as lines:
        next(lines)
        for line in lines:
            words = line.split()
            if words[3] != "0A":  # those that listen come first
                return False
            if words[1] == wanted:
                return True
    return False


def wait_until_listening(process, address):
    end = time.monotonic() + START_LIMIT_S
    while not is_listening(address, process.pid):
        if process.child.poll() is not None:
            raise Failure(f"{process.child.args[0]} ended with status {process.child.returncode}")
        if time.monotonic() > end:
            raise Failure(f"{process.child.args[0]} doesn't listen on {address} after {START_LIMIT_S} s")
        time.sleep(0.005)


def has_twisted():
    finds = subprocess.run([PYTHON, "-c", "import twisted"], stderr=subprocess.DEVNULL, check=False)
    return finds.returncode == 0


def missing_packages(names):
    """What must be installed before these targets can run, by name of the target."""
    missing = {}
    if "twisted" in names and not has_twisted():
        missing["twisted"] = "python3-twisted"
    for program in ("sockperf", "serf"):
        if program in names and not shutil.which(program):
            missing[program] = program
    return missing


def arguments_of(name, address, options):
    if name == "kithd":
        settings = {**dict.fromkeys(LIMITS, 0), "control": "", "max_inbound": 20000, "log_level": "error", "ping_interval": 60, **options}
        pairs = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        return [KITHD, "-c", "/dev/null", "-l", address, *pairs]
    if name == "kithd-plain":
        return arguments_of("kithd", address, {key: options[key] for key in options if key != "secret_file"})
    if name == "tls-fixed":
        return [PROBE, name, address, options["secret_file"]]
    if name == "twisted":
        return [PYTHON, os.path.join(HERE, "twisted_target.py"), address]
    if name == "sockperf":
        host, port = address.rsplit(":", 1)
        return ["sockperf", "server", "--tcp", "-i", host, "-p", port]
    return [PROBE, name, address]


def make_secret():
    """The path of a file with a secret of this run."""
    path = os.path.abspath(os.path.join(BUILD, "bench-secret"))
    secret = subprocess.run([KITHD, "--new-secret"], stdout=subprocess.PIPE, check=True).stdout
    with open(path, "wb", opener=lambda file, flags: os.open(file, flags, 0o600)) as file:
        file.write(secret)
    return path


def start_target(name, options):
    address = f"{next_host()}:5999"
    process = Process(arguments_of(name, address, options), TARGET_CORE)
    process.address = address
    wait_until_listening(process, address)
    return process


def run_tool(arguments):
    """Runs a program that measures, on its core; returns its status and what it printed."""
    process = Process(arguments, LOAD_CORE, stdout=subprocess.PIPE)
    try:
        output, _ = process.child.communicate(timeout=LOAD_LIMIT_S)
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(arguments)} isn't done after {LOAD_LIMIT_S} s") from None
    finally:
        errors = process.last_errors()
        process.end()
    return process.child.returncode, output.decode(), errors


def number(text):
    try:
        return float(text)
    except ValueError:
        return text


def run_load(target, words):
    """One run of the load generator against a target: its status and its figures by name."""
    mode, *options = words
    status, output, errors = run_tool([LOAD, mode, target.address, "-p", str(target.pid), *options])
    figures = {key: number(value) for key, value in (word.split("=", 1) for word in output.split())}
    if not figures:
        raise Failure(f"the load generator printed nothing: {errors}")
    return status, figures, output.strip()


def run_sockperf(target, seconds):
    """Round trips of a message as long as a ping; sockperf counts whole seconds."""
    host, port = target.address.rsplit(":", 1)
    status, output, errors = run_tool(
        ["sockperf", "ping-pong", "--tcp", "-i", host, "-p", port]
        + ["-t", str(max(1, round(seconds))), "--msg-size", "19", "--full-rtt"]
    )
    lines = re.findall(r"percentile ([0-9.]+) *= *([0-9.]+)", output)
    figures = {float(percent): float(time_us) for percent, time_us in lines}
    if status != 0 or 50.0 not in figures or 99.0 not in figures:
        raise Failure(f"sockperf ended with status {status}: {(output + errors)[-500:]}")
    return 0, {"p50_us": figures[50.0], "p99_us": figures[99.0]}, output
