"""The control socket of a node that is made up: its network has as many nodes as wanted, and troubles of every kind."""

import json
import os
import socket
import threading

EVIL = ["<img src=x onerror=alert(1)>", "\"'><svg/onload=alert(2)>", "</title></style>&amp;", "\u202egnorw", "\u6771\u4eac-01"]
ROLES = ["web", "db", "cache", "queue"]
LINK_STATES = {(0, 2): "late", (1, 2): "one_way", (1, 3): "fading", (0, 3): "down", (4, 9): "down", (5, 11): "down"}


def nodeid(i):
    return f"{i + 1:08x}-0000-4000-8000-000000000000"


class Node:
    """Answers on a socket at the path. The network may be replaced at any time."""

    def __init__(self, path, count, has_trouble=True):
        self.build(count, has_trouble)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o600)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self, client):
        with client, client.makefile("r", encoding="utf-8") as requests:
            for line in requests:
                rows = self.rows.get(json.loads(line)["msgtype"], [])
                answer = "".join(json.dumps(row) + "\n" for row in [*rows, {"msgtype": "end", "rows": len(rows)}])
                try:
                    client.sendall(answer.encode())
                except OSError:
                    return

    # ---- the network ----

    def build(self, count, has_trouble):
        self.names = [f"{ROLES[i % len(ROLES)]}-{i + 1:02}" for i in range(count)]
        if has_trouble and count > 40:
            for i, name in enumerate(EVIL):
                self.names[7 + 3 * i] = name
        # The last ones: gone, gone, late, out of reach, without a report.
        states = {count - 1: "gone", count - 2: "gone", count - 3: "late", count - 4: "out_of_reach"} if has_trouble else {}
        mute = count - 5 if has_trouble else None
        self.rows = {
            "info": [self.info(count)],
            "nodes": [self.node(i, states.get(i, "alive"), i == mute, count) for i in range(count)],
            "links": self.links(count, states, has_trouble),
            "problems": self.problems(count) if has_trouble else [],
            "peers": [{"msgtype": "peer", "name": self.names[i], "state": "ready", "rtt_ms": 0.4} for i in range(1, count)],
            "metrics": [{"msgtype": "metric", "name": "kith_uptime_seconds", "type": "gauge", "help": "h", "value": 7}],
        }

    def info(self, count):
        return {"msgtype": "info", "nodeid": nodeid(0), "name": self.names[0], "network": "prod", "peers": count - 1,
                "inbound": 0, "outbound": 0, "uptime_s": 60, "problems": []}  # fmt: skip

    def node(self, i, state, is_mute, count):
        row = {"msgtype": "node", "nodeid": nodeid(i), "name": self.names[i], "state": state, "state_s": 60 + i,
               "is_self": i == 0, "has_report": not is_mute, "rtt_ms": None if i == 0 else 0.1 * i, "hops": i > 0}  # fmt: skip
        if is_mute:
            row |= {"name": None, "links": 1}
        else:
            row |= {"address": f"10.0.{i // 250}.{i % 250 + 1}:5999", "report_s": i, "links": count - 3, "agent": "kithd/0.2.0"}
        if state in ("gone", "out_of_reach"):
            row |= {"links": 0, "rtt_ms": None, "reason": "closed the connection without a bye"}
        return row

    def links(self, count, states, has_trouble):
        rows = []
        for i in range(count):
            for j in range(i):
                if states.get(i) in ("gone", "out_of_reach") or states.get(j) in ("gone", "out_of_reach"):
                    continue
                state = LINK_STATES.get((j, i), "up") if has_trouble else "up"
                row = {"msgtype": "link", "one": nodeid(j), "other": nodeid(i), "state": state, "is_up": state != "down",
                       "rtt_ms": 0.09 * (1 + (i * 7 + j * 13) % 400), "dialled_by": "one"}  # fmt: skip
                if state != "up":
                    row |= {"one_says": "timed out, 9 times, last 40 s ago", "down_s": 61 if state == "down" else None}
                rows.append(row)
        return rows

    def problems(self, count):
        one, other, gone = self.names[0], self.names[min(3, count - 1)], self.names[-1]
        rows = [
            ("node", False, f"{gone} is gone: it crashed (its connections to {one}, {other} and 4 others broke within 20 ms)",
             f"Check whether kithd runs on 10.0.0.{count % 250}, and read its log there", [count - 1]),
            ("link", False, f"{one} and {other} can't talk: {one} says timed out, {other} says connection refused; "
             "both talk to 27 others", "Probably a firewall or route between 10.0.0.1 and 10.0.0.4, TCP port 5999", [0, 3]),
            ("single", True, f"{self.names[1]} has one link, to {self.names[2]}", None, [1]),
        ]  # fmt: skip
        return [
            {"msgtype": "problem", "number": n + 1, "kind": kind, "is_notice": is_notice, "text": text, "advice": advice,
             "since_s": 61, "raised_s": 51, "evidence_s": 3, "subjects": [nodeid(i) for i in about]}
            for n, (kind, is_notice, text, advice, about) in enumerate(rows)
        ]  # fmt: skip
