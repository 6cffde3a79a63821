"""A real Chromium on its debugging pipe: open a page, measure it, press things, take a picture."""

import base64
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_CHROMIUM = "no Chromium here: apt-get install chromium"
SECONDS = 30
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
"""What a Chromium with a window says, because here a person sits before it."""

KEYS = {
    "Tab": ("Tab", 9, ""),
    "Enter": ("Enter", 13, "\r"),
    "Space": (" ", 32, " "),
    "ArrowDown": ("ArrowDown", 40, ""),
}
HEARD = ("heading", "button", "link", "textbox", "checkbox", "radio", "Date", "alert", "group", "radiogroup")


class Refused(Exception):
    """The browser did not do it."""


class Page:
    """One tab."""

    def __init__(self, reading, writing):
        self.reading, self.writing, self.number, self.rest = reading, writing, 0, b""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.tell("Page.enable")

    def tell(self, method, **given):
        """Ask the tab."""
        return self.ask(method, self.session, **given)

    def ask(self, method, session=None, **given):
        """Send a command and wait for its answer; events on the way are dropped."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": given}
        if session:
            message["sessionId"] = session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            while b"\0" not in self.rest:
                self.rest += os.read(self.reading, 1 << 20)
            line, _, self.rest = self.rest.partition(b"\0")
            answer = json.loads(line)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise Refused(answer["error"]["message"])
                return answer["result"]
        raise TimeoutError(method)

    def width(self, width, height=800):
        """As wide as a screen of so many pixels."""
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def open(self, url):
        """Load a page; wait until it is complete."""
        self.tell("Page.navigate", url=url)
        self.wait_for(
            f"document.readyState == 'complete' && location.href != 'about:blank' && {json.dumps(url)} != ''"
        )

    def run(self, script):
        """The value of a JavaScript expression."""
        answer = self.tell("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, condition):
        """Until the expression is true."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with suppress(Refused):  # between two pages there is nobody to ask
                if self.run(f"!!({condition})"):
                    return
            time.sleep(0.05)
        raise TimeoutError(condition)

    def press(self, key, times=1):
        """Press a key as a person does: Tab, Enter, Space, or a letter or digit that is typed."""
        code, number, text = KEYS.get(key, (key, ord(key[0].upper()), key))
        for _ in range(times):
            given = {"key": code, "code": code, "windowsVirtualKeyCode": number, "text": text}
            self.tell("Input.dispatchKeyEvent", type="keyDown", **given)
            self.tell("Input.dispatchKeyEvent", type="keyUp", **given)

    def walk_to(self, selector, most=40):
        """Press Tab until an element has the focus; fails where the keyboard does not get there."""
        for _ in range(most):
            if self.run(f"document.activeElement.matches({json.dumps(selector)})"):
                return
            self.press("Tab")
        raise AssertionError(f"the keyboard does not reach {selector}")

    def heard(self):
        """Role and name of everything a screen reader stops at, in order."""
        nodes = self.tell("Accessibility.getFullAXTree")["nodes"]
        told = [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"] and "role" in node
        ]
        return [(role, name) for role, name in told if role in HEARD]

    def picture(self, path):
        """The whole page as a PNG."""
        path.write_bytes(
            base64.b64decode(self.tell("Page.captureScreenshot", captureBeyondViewport=True)["data"])
        )


@contextmanager
def chromium(folder):
    """A browser with a profile of its own in `folder`."""
    to_browser, writing = os.pipe()
    reading, from_browser = os.pipe()
    browser = subprocess.Popen(
        [
            "bash", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "bash", PROGRAM,
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-extensions", f"--user-data-dir={folder}",
            f"--user-agent={AGENT}",
            "--remote-debugging-pipe", "about:blank",
        ],
        pass_fds=(to_browser, from_browser), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Page(reading, writing)
    finally:
        os.close(writing)  # the browser ends with its pipe
        try:
            browser.wait(10)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait()
        os.close(reading)
