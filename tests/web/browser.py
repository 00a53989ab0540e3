"""Chromium without a window, steered over a pair of pipes by its DevTools protocol."""

import base64
import json
import os
import select
import shlex
import shutil
import subprocess
import tempfile
import time

SLOW = float(os.environ.get("SLOW", "1"))
DEADLINE_S = 20


class Failure(Exception):
    pass


def find():
    """The program; None if there is none."""
    names = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    return next((path for path in map(shutil.which, filter(None, names)) if path), None)


class Browser:
    """One page of a browser whose profile is new, and which finds the host evil.example here."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="kith-web-")
        options = [
            find(),
            "--headless",
            "--remote-debugging-pipe",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            f"--user-data-dir={self.profile}",
            "--host-resolver-rules=MAP evil.example 127.0.0.1",
        ]
        # Chromium's sandbox is not for root, as whom containers run.
        if os.geteuid() == 0:
            options.append("--no-sandbox")
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        # It reads from descriptor 3 and writes to 4.
        command = f"exec {shlex.join(options)} 3<&{theirs_in} 4>&{theirs_out}"
        self.child = subprocess.Popen(
            ["bash", "-c", command],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.pipe_in, self.pipe_out = ours_in, ours_out
        self.buffer = b""
        self.number = 0
        self.session = None
        self.events = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def close(self):
        self.child.terminate()
        self.child.wait()
        os.close(self.pipe_in)
        os.close(self.pipe_out)
        shutil.rmtree(self.profile, ignore_errors=True)

    # ---- the protocol ----

    def read(self, deadline_s):
        """The next message."""
        end = time.monotonic() + deadline_s
        while b"\0" not in self.buffer:
            if not select.select([self.pipe_in], [], [], max(0, end - time.monotonic()))[0]:
                raise Failure(f"Chromium says nothing for {deadline_s:g} s")
            some = os.read(self.pipe_in, 1 << 20)
            if not some:
                raise Failure("Chromium has ended")
            self.buffer += some
        line, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(line)

    def ask(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        message = json.dumps(request).encode() + b"\0"
        while message:
            message = message[os.write(self.pipe_out, message) :]
        while True:
            answer = self.read(DEADLINE_S * SLOW)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise Failure(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        """The next event of that kind, or one that has come already."""
        while True:
            for at, event in enumerate(self.events):
                if event.get("method") == method:
                    return self.events.pop(at)["params"]
            self.events.append(self.read(DEADLINE_S * SLOW))

    # ---- a page ----

    def look(self, width, height, scheme):
        """As on a screen of that size, of a user who wants it light or dark."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url):
        """The status of the answer, and what was asked for besides and complained of meanwhile."""
        self.events.clear()
        error = self.ask("Page.navigate", url=url).get("errorText")
        if error:
            raise Failure(f"{url}: {error}")
        self.wait("Page.loadEventFired")
        self.ask("Runtime.evaluate", expression="0")
        asked = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        answers = [e["params"]["response"] for e in self.events if e.get("method") == "Network.responseReceived"]
        status = next((a["status"] for a in answers if a["url"] == url), None)
        return status, [other for other in asked if other != url], self.complaints()

    def complaints(self):
        entries = [e["params"]["entry"]["text"] for e in self.events if e.get("method") == "Log.entryAdded"]
        thrown = [e["params"] for e in self.events if e.get("method") == "Runtime.exceptionThrown"]
        return entries + thrown

    def value(self, expression):
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise Failure(f"{expression}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def shoot(self, path):
        """A picture of the whole page."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
