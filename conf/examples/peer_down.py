#!/usr/bin/python3
"""Prints a line for each peer of a node that goes: peer_down.py SOCKET"""
import json, socket, sys

node = socket.socket(socket.AF_UNIX)
node.connect(sys.argv[1])
node.sendall(b'{"msgtype":"watch","kinds":["peer_down"]}\n')
for line in node.makefile(encoding="utf-8"):
    row = json.loads(line)
    if row["msgtype"] == "error":
        sys.exit(row["text"])
    if row["msgtype"] == "event":
        print(row["at"], row["name"] or row["nodeid"], row["ending"], row["reason"], flush=True)
    # Other rows: "lost" (events are missing), "end" (the node stops), and what newer nodes send.
