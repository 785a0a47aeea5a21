"""A real browser for the tests: Debian's Chromium without a window, spoken to through pipes.

https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Chromium", "Page", "chromium"]

#: The first is the smaller one, and all that is needed.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_PATIENCE = 60.0
_KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " ")}


@contextmanager
def chromium() -> Iterator["Chromium"]:
    """Give a browser, or skip the test and say why.

    It fails instead where BANISTER_REQUIRE_SERVERS names chromium.
    """
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        why = "no Chromium: apt-get install chromium-headless-shell"
        if "chromium" in os.environ.get("BANISTER_REQUIRE_SERVERS", "").split(","):
            pytest.fail(f"{why}, and BANISTER_REQUIRE_SERVERS asks for it")
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="banister-chromium-", ignore_cleanup_errors=True) as at:
        browser = Chromium.start(program, Path(at))
        try:
            yield browser
        finally:
            browser.stop()


@dataclass(kw_only=True)
class Chromium:
    """A running browser."""

    pid: int
    _to: int
    _from: int
    _unread: bytes = b""
    _number: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def start(cls, program: str, folder: Path) -> "Chromium":
        """Start it; it reads from descriptor 3 and writes to 4."""
        reads, to = _pipe()
        from_, writes = _pipe()
        args = [
            program, "--headless", "--remote-debugging-pipe", f"--user-data-dir={folder}",
            # In a container there is often no way to a sandbox, and the page is our own.
            "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "about:blank",
        ]  # fmt: skip
        pid = os.posix_spawn(
            program,
            args,
            {**os.environ, "HOME": str(folder)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0o600),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0o600),
                (os.POSIX_SPAWN_DUP2, reads, 3),
                (os.POSIX_SPAWN_DUP2, writes, 4),
            ],
            setpgroup=0,
        )
        os.close(reads)
        os.close(writes)
        return cls(pid=pid, _to=to, _from=from_)

    def stop(self) -> None:
        """End it and all that it has started."""
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        """Send a command and return its result; what happens meanwhile is kept in `events`."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return dict(answer["result"])
            self.events.append(answer)

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """Wait for an event."""
        while not any(map(wanted, self.events)):
            self.events.append(self._read())

    def _read(self) -> dict[str, Any]:
        end = time.monotonic() + _PATIENCE
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser says nothing"
            piece = os.read(self._from, 1 << 16)
            assert piece, "the browser has ended"
            self._unread += piece
        message, _, self._unread = self._unread.partition(b"\0")
        return dict(json.loads(message))

    @contextmanager
    def page(
        self, file: Path, *, width: int, dark: bool = False, scripts: bool = True
    ) -> Iterator["Page"]:
        """Open a file in a window of that width."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(browser=self, session=session, url=file.as_uri())
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=800, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        page.media("screen", dark=dark)
        page.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        page.call("Page.navigate", url=page.url)
        self.wait_for(
            lambda event: (
                event.get("sessionId") == session and event["method"] == "Page.loadEventFired"
            )
        )
        try:
            yield page
        finally:
            self.call("Target.closeTarget", targetId=target)
            self.events.clear()


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page that is open."""

    browser: Chromium
    session: str
    url: str

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command for this page."""
        return self.browser.call(method, self.session, **params)

    def media(self, media: str, *, dark: bool = False) -> None:
        """Show the page as that medium has it."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme, still])

    def evaluate(self, expression: str) -> Any:
        """Return what a JavaScript expression is, awaited where it is a promise."""
        told = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key."""
        code, text = _KEYS[key]
        about = {"key": key, "code": key.strip() or "Space", "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def screenshot(self, path: Path) -> None:
        """Keep the whole page as a picture."""
        told = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(told["data"]))

    def complaints(self) -> list[str]:
        """Return what the browser has said against the page."""
        told = []
        for event in self._events():
            match event:
                case {"method": "Runtime.exceptionThrown" | "Log.entryAdded"}:
                    told.append(json.dumps(event["params"]))
                case {"method": "Runtime.consoleAPICalled"}:
                    told.append(json.dumps(event["params"]["args"]))
        return told

    def requests(self) -> list[str]:
        """Return what the page has asked for, but itself."""
        found = [
            str(event["params"]["request"]["url"])
            for event in self._events()
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in found if url != self.url and not url.startswith("data:")]

    def _events(self) -> list[dict[str, Any]]:
        return [e for e in self.browser.events if e.get("sessionId") == self.session]


def _pipe() -> tuple[int, int]:
    """Return a pipe whose ends are none of the numbers that the browser is given."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
