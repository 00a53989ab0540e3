#!/usr/bin/python3
"""A kith node in the plain form of the protocol, on Twisted.

It says no more than the plainest node would: a hello with a nodeid alone, its
own address in an addr, getaddr and its answer, ping and pong. It ignores what
it does not know. It shares no code with kithd. What happens is told in lines on
stdout, for a test to read:

    nodeid NODEID
    listening HOST:PORT
    dialling HOST:PORT
    peers NODEID NODEID ...    whenever they change
    pong NODEID                at the first pong of a connection
    bye NODEID REASON          what a peer gave as its reason to leave
    ignored NODEID MSGTYPE     a message of an unknown type
    odd WORDS                  something that a good peer doesn't do
"""

import argparse
import json
import sys
import uuid

from twisted.internet import reactor
from twisted.internet.endpoints import HostnameEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.protocols.basic import LineReceiver


def say(*words):
    print(*words, flush=True)


class Node(Factory):
    def __init__(self, bare, ping_interval):
        self.nodeid = str(uuid.uuid4())
        self.bare = bare
        self.ping_interval = ping_interval
        self.address = None  # "host:port", once it listens
        self.ready = []  # connections that have shaken hands; two may be with one node for a moment
        self.dialling = set()
        self.told = None  # the peers as they were printed last

    def buildProtocol(self, _):
        return Connection(self, None)

    def peers(self):
        return {connection.remote for connection in self.ready}

    def tell_peers(self):
        peers = sorted(self.peers())
        if peers != self.told:
            self.told = peers
            say("peers", *peers)

    def dial(self, address):
        if address in self.dialling:
            return
        say("dialling", address)
        self.dialling.add(address)
        host, port = address.rsplit(":", 1)
        dialled = connectProtocol(HostnameEndpoint(reactor, host, int(port)), Connection(self, address))
        dialled.addErrback(lambda _: self.dialling.discard(address))

    def learn(self, address, nodeid=None):
        """Somebody said that a node listens there."""
        known = {connection.listens_at for connection in self.ready}
        if address != self.address and address not in known and nodeid != self.nodeid and nodeid not in self.peers():
            self.dial(address)


class Connection(LineReceiver):
    delimiter = b"\n"
    MAX_LENGTH = 131072

    def __init__(self, node, dialled):
        self.node = node
        self.dialled = dialled  # the address, if this end dialled
        self.remote = None  # the far end's nodeid, once it has said hello
        self.listens_at = dialled
        self.pinger = LoopingCall(self.say, "ping")
        self.has_ponged = False

    def say(self, msgtype, **keys):
        self.sendLine(json.dumps({"msgtype": msgtype, **keys}).encode())

    def connectionMade(self):
        if self.dialled:
            self.say("hello", nodeid=self.node.nodeid)

    def connectionLost(self, reason):
        if self.pinger.running:
            self.pinger.stop()
        self.node.dialling.discard(self.dialled)
        if self in self.node.ready:
            self.node.ready.remove(self)
            self.node.tell_peers()

    def lineReceived(self, line):
        message = json.loads(line)
        handler = getattr(self, "got_" + message["msgtype"], None)
        if handler is None:
            say("ignored", self.remote or "-", message["msgtype"])
        else:
            handler(message)

    def got_hello(self, message):
        if self.remote is not None:
            say("odd second hello from", self.remote)
        if message["nodeid"] == self.node.nodeid:
            self.transport.loseConnection()
            return
        self.remote = message["nodeid"]
        if not self.dialled:
            self.say("hello", nodeid=self.node.nodeid)
        self.node.ready.append(self)
        self.node.tell_peers()
        mine = self.node.address if self.node.bare else [self.node.address, self.node.nodeid]
        self.say("addr", peers=[mine])
        self.say("getaddr")
        self.pinger.start(self.node.ping_interval)

    def got_ping(self, _):
        self.say("pong")

    def got_pong(self, _):
        if not self.has_ponged:
            self.has_ponged = True
            say("pong", self.remote)

    def got_getaddr(self, _):
        known = {(c.listens_at, c.remote) for c in self.node.ready if c.listens_at and c.remote != self.remote}
        self.say("addr", peers=[[address, nodeid] for address, nodeid in sorted(known)])

    def got_addr(self, message):
        for entry in message["peers"]:
            address, nodeid = (entry, None) if isinstance(entry, str) else entry
            if nodeid is not None and nodeid == self.remote:
                self.listens_at = address
            else:
                self.node.learn(address, nodeid)

    def got_bye(self, message):
        say("bye", self.remote or "-", message["reason"])
        self.transport.loseConnection()


def main():
    parser = argparse.ArgumentParser(description="a kith node in the plain form of the protocol")
    parser.add_argument("--dial", metavar="HOST:PORT", action="append", default=[], help="a node to dial")
    parser.add_argument("--bare", action="store_true", help="announce the own address without the nodeid")
    parser.add_argument("--ping-interval", metavar="SECONDS", type=float, default=1)
    arguments = parser.parse_args()
    node = Node(arguments.bare, arguments.ping_interval)

    def listening(port):
        node.address = f"127.0.0.1:{port.getHost().port}"
        say("nodeid", node.nodeid)
        say("listening", node.address)
        for address in arguments.dial:
            node.dial(address)

    def failed(failure):
        print(failure.getErrorMessage(), file=sys.stderr)
        reactor.stop()

    TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(node).addCallbacks(listening, failed)
    reactor.run()


if __name__ == "__main__":
    main()
