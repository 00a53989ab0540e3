#!/usr/bin/python3
"""The Twisted node of tests/interop as a target of benchmarks. Usage: twisted_target.py HOST:PORT

It listens where it is told, takes as many connections as the system allows,
prints nothing, and dials nobody: an address that it hears of is known from
then on, and that is all.
"""

import os
import resource
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
sys.dont_write_bytecode = True

import twisted_node
from twisted.internet import reactor

PING_INTERVAL_S = 60


class Target(twisted_node.Node):
    def dial(self, address):
        self.dialling.add(address)

    def tell_peers(self):
        pass


def main():
    address = sys.argv[1]
    host, port = address.rsplit(":", 1)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    twisted_node.say = lambda *words: None
    node = Target(bare=False, ping_interval=PING_INTERVAL_S)
    node.address = address
    reactor.listenTCP(int(port), node, backlog=4096, interface=host)
    reactor.run()


if __name__ == "__main__":
    main()
