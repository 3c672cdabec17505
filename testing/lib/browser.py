"""A real browser without a window (Debian's chromium), told what to do over a pipe by its DevTools protocol."""
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


class BrowserError(Exception):
    pass


def find():
    """The program, None: there is none here."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One page; `requests` are the addresses that it asked for, `complaints` what the browser said against it."""

    def __init__(self):
        self.requests = []
        self.complaints = []
        self.navigations = 0
        self.buffer = b""
        self.last = 0
        self.session = None
        self.home = tempfile.mkdtemp()
        ours, theirs = os.pipe(), os.pipe()
        # It reads descriptor 3 and writes 4, which the pipes themselves may have here.
        reader, writer = os.dup2(ours[0], 8), os.dup2(theirs[1], 9)
        self.process = subprocess.Popen(
            ["sh", "-c", 'exec "$@" 3<&8 4>&9 8<&- 9>&-', "sh", find(), "--headless", "--no-sandbox",
             "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--no-proxy-server", f"--user-data-dir={self.home}",
             "--remote-debugging-pipe", "about:blank"],
            pass_fds=(reader, writer), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self.home, "DBUS_SESSION_BUS_ADDRESS": ""})
        for descriptor in (reader, writer, ours[0], theirs[1]):
            os.close(descriptor)
        self.write, self.read = ours[1], theirs[0]
        self.begin()

    def begin(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    # ---- messages ----

    def receive(self, seconds):
        """The next message, None: none came for so long."""
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            if not select.select([self.read], [], [], max(0, end - time.monotonic()))[0]:
                return None
            data = os.read(self.read, 1 << 16)
            if not data:
                raise BrowserError("the browser has ended")
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.frameNavigated":
            self.navigations += 1
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"].get("text", "exception"))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append("a dialog: " + params["message"])

    def call(self, method, **params):
        self.last += 1
        number = self.last
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive(60)
            if answer is None:
                raise BrowserError(f"no answer to {method}")
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.note(answer)

    def wait(self, seconds):
        """Notes what happens meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if message:
                self.note(message)

    # ---- a page ----

    def open(self, url):
        self.requests.clear()
        self.complaints.clear()
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            raise BrowserError(f"{url}: {failed}")
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def value(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']['text']}")
        return answer["result"].get("value")

    def until(self, expression, seconds=40):
        """... is true of the page."""
        self.until_holds(expression, lambda: self.value(expression), seconds)

    def until_holds(self, what, holds, seconds=40):
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise BrowserError(f"after {seconds} s still not: {what}")
            self.wait(0.1)

    def size(self, width, height, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=mobile)

    def html(self):
        """As it is now, whether or not scripts may run; None: it became another page meanwhile."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        try:
            return self.call("DOM.getOuterHTML", nodeId=root)["outerHTML"]
        except BrowserError:
            return None

    def picture(self):
        """PNG, in base64."""
        return self.call("Page.captureScreenshot", format="png")["data"]
