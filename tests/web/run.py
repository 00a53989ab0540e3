#!/usr/bin/python3
"""kith web in a real browser: README.md says what is checked.

From the environment: BUILD is the directory with kith, which also gets the
pictures, in BUILD/web; CHROMIUM is another browser; SLOW stretches every
deadline.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from browser import DEADLINE_S, SLOW, Browser, Failure, find
from node import EVIL, Node

BUILD = os.environ.get("BUILD", "build")
PICTURES = os.path.join(BUILD, "web")
MOST_BYTES = 100_000
POLL_S = 0.1

# A phone, a usual window, and a wide one.
WIDTHS = {"phone": (390, 844), "window": (1280, 900), "wide": (1920, 1080)}
# The contrast of text with what is behind it: WCAG 2.1, 1.4.3.
LEAST_CONTRAST = 4.5

# The texts whose contrast is too low, with it. What is behind a text is the nearest background that can't be seen through.
FIND_PALE = """(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => numbers(colour).slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((numbers(colour)[3] ?? 1) > 0.99) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const pale = [];
  for (const element of document.querySelectorAll('h1, p, li, b, span, th, td, svg text')) {
    const style = getComputedStyle(element), back = light(behind(element));
    const front = light(element.closest('svg') ? style.fill : style.color);
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (contrast < LEAST && !element.closest('.numbers')) pale.push([element.textContent.slice(0, 40), contrast]);
  }
  return pale;
})()""".replace("LEAST", str(LEAST_CONTRAST))

# What the page would have to reach beyond it.
FIND_FOREIGN = """[...document.querySelectorAll('script, img, iframe, object, embed, link, [src], [style]')]
  .map((element) => element.outerHTML).concat([...document.querySelectorAll('*')]
  .flatMap((element) => [...element.attributes]).filter((a) => /^on/i.test(a.name) ||
    (/href$/i.test(a.name) && !a.value.startsWith('#'))).map((a) => a.name + '=' + a.value))"""

# Does the browser keep to the policy? Each of these must be stopped by it.
TRY_POLICY = """new Promise((done) => {
  const stopped = new Set();
  document.addEventListener('securitypolicyviolation', (event) => {
    stopped.add(event.effectiveDirective);
    if (stopped.size === 4) done([...stopped].sort());
  });
  const add = (name, values) => document.body.append(Object.assign(document.createElement(name), values));
  add('img', {src: '/metrics'});
  add('script', {textContent: 'window.hasRun = true'});
  add('style', {textContent: 'body { color: red }'});
  fetch('/metrics').catch(() => 0);
  setTimeout(() => done([...stopped].sort()), 5000);
})"""


class Report:
    def __init__(self):
        self.begin = time.monotonic()
        self.passed = self.failed = 0

    def check(self, what, is_true):
        self.passed += bool(is_true)
        self.failed += not is_true
        print(f"{time.monotonic() - self.begin:5.1f} s  {'ok    ' if is_true else 'FAILED'} {what}", flush=True)


class Web:
    """A `kith web` that asks the node at the path."""

    def __init__(self, path):
        arguments = [os.path.join(BUILD, "kith"), "-s", path, "web", "-l", "127.0.0.1:0"]
        self.child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        self.url = self.child.stdout.readline().strip()
        if not re.fullmatch(r"http://127\.0\.0\.1:\d+/", self.url):
            self.close()
            raise Failure(f"kith web says {self.url!r}")

    def close(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait()
        self.child.stdout.close()


def wait_for(condition, what, deadline_s=DEADLINE_S):
    end = time.monotonic() + deadline_s * SLOW
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"not within {deadline_s * SLOW:g} s: {what}")
        time.sleep(POLL_S)


def check_page(report, browser, web, count):
    """What holds at any size and in any colours."""
    browser.look(*WIDTHS["window"], "light")
    status, others, complaints = browser.open(web.url)
    report.check(f"{count} nodes: the page comes (status {status})", status == 200)
    report.check(f"{count} nodes: nothing else is asked for {others}", not others)
    report.check(f"{count} nodes: the browser complains of nothing {complaints}", not complaints)
    foreign = browser.value(FIND_FOREIGN)
    report.check(f"{count} nodes: no script, image, frame or foreign address {foreign}", not foreign)
    size = browser.value("performance.getEntriesByType('navigation')[0].decodedBodySize")
    report.check(f"{count} nodes: {size} bytes", 0 < size <= MOST_BYTES)
    rows = browser.value("document.querySelectorAll('tbody tr').length")
    report.check(f"{count} nodes: {rows} rows", rows == count)


def check_looks(report, browser, web, count, name):
    """A picture of each size and colour; and nothing is cut off or too pale."""
    for scheme in ("light", "dark"):
        for screen, (width, height) in WIDTHS.items():
            browser.look(width, height, scheme)
            browser.open(web.url)
            browser.shoot(os.path.join(PICTURES, f"{name}-{screen}-{scheme}.png"))
            wide = browser.value("document.documentElement.scrollWidth")
            report.check(f"{name}, {screen}, {scheme}: it is {wide} wide, of {width}", wide <= width)
            pale = browser.value(FIND_PALE)
            report.check(f"{name}, {screen}, {scheme}: all text is legible {pale[:5]}", not pale)
    back = "getComputedStyle(document.body).backgroundColor"
    colours = [(browser.look(*WIDTHS["window"], scheme), browser.value(back))[1] for scheme in ("light", "dark")]
    report.check(f"{name}: light and dark are two {colours}", colours[0] != colours[1])


def check_names(report, browser, web):
    """Names that are made to be markup are shown, and do nothing."""
    browser.look(*WIDTHS["window"], "light")
    browser.open(web.url)
    text = browser.value("document.body.textContent")
    report.check("a name of markup is shown as it is", EVIL[0] in text and EVIL[4] in text)
    report.check("what turns a text around is escaped", "\u202e" not in text)
    report.check("no name has become an element", browser.value("document.querySelectorAll('img, [onload]').length") == 0)
    report.check("the title is that of the network", browser.value("document.title") == "prod")


def check_policy(report, browser, web):
    browser.open(web.url)
    stopped = browser.value(TRY_POLICY)
    wanted = ["connect-src", "img-src", "script-src-elem", "style-src-elem"]
    report.check(f"the browser stops what the policy forbids {stopped}", stopped == wanted)
    report.check("no script has run", browser.value("window.hasRun") is None)


def check_rebinding(report, browser, web):
    """The name of another site that leads to this machine."""
    status, _, _ = browser.open(web.url.replace("127.0.0.1", "evil.example"))
    text = browser.value("document.body.textContent")
    report.check(f"another name for this machine is refused (status {status})", status == 421)
    report.check("and is told nothing", "prod" not in text and "web-01" not in text)


def check_refresh(report, browser, web, node):
    """The page follows the node by itself."""
    browser.open(web.url)
    words = "document.body.textContent.includes('No problems are known')"
    report.check("problems are shown at first", not browser.value(words))
    node.build(8, has_trouble=False)

    def is_over():
        try:
            return browser.value(words)
        except Failure:  # the page is being loaded
            return False

    wait_for(is_over, "the page shows that the problems are over")
    report.check("the page is loaded again by itself", True)


def check_no_node(report, browser, web, node, path):
    node.close()
    os.unlink(path)
    time.sleep(1)  # what was asked within a second is not asked again
    status, _, _ = browser.open(web.url)
    text = browser.value("document.body.textContent")
    report.check(f"a node that is gone is told (status {status})", status == 503 and "No node answers" in text)
    browser.shoot(os.path.join(PICTURES, "no-node.png"))


def check_network(report, browser, folder, count, name):
    path = os.path.join(folder, name)
    node = Node(path, count, has_trouble=count >= 8)
    web = Web(path)
    try:
        check_page(report, browser, web, count)
        check_looks(report, browser, web, count, name)
        if count == 128:
            check_names(report, browser, web)
        if count == 8:
            check_policy(report, browser, web)
            check_rebinding(report, browser, web)
            check_refresh(report, browser, web, node)
            check_no_node(report, browser, web, node, path)
    finally:
        web.close()
        node.close()


def main():
    if find() is None:
        sys.exit("check-web: there is no chromium: apt-get install chromium")
    os.makedirs(PICTURES, exist_ok=True)
    report = Report()
    folder = tempfile.mkdtemp(prefix="kith-web-")
    browser = Browser()
    try:
        for count, name in ((3, "3"), (8, "8"), (30, "30"), (128, "128")):
            check_network(report, browser, folder, count, name)
    except Failure as failure:
        report.check(str(failure), False)
    finally:
        browser.close()
        shutil.rmtree(folder)
    print(f"web: {report.passed} passed, {report.failed} failed; the pictures are in {PICTURES}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
