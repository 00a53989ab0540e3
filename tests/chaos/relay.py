#!/usr/bin/python3
"""A network that is slow: carries each IP packet from one host to another after a delay of its own.

Usage: relay.py LEAST_MS MOST_MS NAMESPACE...

Makes the device tun0 in each of the namespaces, prints "ready", and relays
until it is killed. The last number of an IPv4 address, from 1, is the place of
its namespace in the list. The delays are even between the two bounds, and the
order isn't kept: a packet with a shorter delay overtakes others. From SIGUSR1 to
SIGUSR2, what comes from the last host takes SLOW_S longer.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import signal
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
CLONE_NEWNET = 0x40000000
PACKET_BYTES = 65536
SLOW_S = 0.4
MOST_WAITING = 10000  # packets; what is more is lost, as in any network


def open_tun(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(namespace, encoding="ascii") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
    return tun


def read_packets(tun):
    while True:
        try:
            yield os.read(tun, PACKET_BYTES)
        except BlockingIOError:
            return


class Last:
    """The last host."""

    delay_s = 0

    @classmethod
    def set_delay(cls, number, _):
        cls.delay_s = SLOW_S if number == signal.SIGUSR1 else 0


def relay(tuns, least_s, most_s):
    poll = select.poll()
    for tun in tuns:
        poll.register(tun, select.POLLIN)
    waiting = []  # (when it is due, its number, where it goes, the packet)
    number = 0
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, to, packet = heapq.heappop(waiting)
            try:
                os.write(tuns[to], packet)
            except OSError:
                pass  # a device that is down, or full, loses it
        timeout_ms = (waiting[0][0] - now) * 1000 + 0.5 if waiting else None
        for tun, _ in poll.poll(timeout_ms):
            extra_s = Last.delay_s if tun == tuns[-1] else 0
            for packet in read_packets(tun):
                to = packet[19] - 1 if len(packet) >= 20 and packet[0] >> 4 == 4 else -1
                if 0 <= to < len(tuns) and len(waiting) < MOST_WAITING:
                    number += 1
                    due = time.monotonic() + random.uniform(least_s, most_s) + extra_s
                    heapq.heappush(waiting, (due, number, to, packet))


def main():
    tuns = [open_tun(namespace) for namespace in sys.argv[3:]]
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, Last.set_delay)
    print("ready", flush=True)
    relay(tuns, float(sys.argv[1]) / 1000, float(sys.argv[2]) / 1000)


if __name__ == "__main__":
    main()
