"""A real browser for the tests: Chromium, its pages, and the errors it reports."""

import contextlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# No background network traffic; no sandbox, since it needs rights that containers and root lack.
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"]
CHROMIUM_PATHS = ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"]
WAIT_MILLISECONDS = 10_000
LOOPBACK = {"127.0.0.1", "localhost", "::1", None}


ABORTED_BY_HTMX = ("htmx:sendAbort", "htmx:afterRequest")


class BrowserMissing(Exception):
    """No Chromium was found on this machine."""


def find_chromium() -> str:
    """The path of a Chromium. Raises: BrowserMissing."""
    found = [path for name in CHROMIUM_NAMES if (path := shutil.which(name))]
    found += [path for path in CHROMIUM_PATHS if Path(path).exists()]
    if not found:
        raise BrowserMissing(f"No browser: none of {', '.join(CHROMIUM_NAMES)} is on the PATH.")
    return found[0]


@contextlib.contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start a headless Chromium. Raises: BrowserMissing."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGS)
        try:
            yield browser
        finally:
            browser.close()


class Pages:
    """Opens pages, each with its own cookies, and records complaints.

    Complaints are script errors, violations of the content security policy, other console errors, and
    requests to other hosts. Responses with status 4xx are not complaints, since tests provoke them.
    """

    def __init__(self, browser: Browser) -> None:
        self.complaints: list[str] = []
        self._browser = browser
        self._close = contextlib.ExitStack()

    def open(self, **options: Any) -> Page:
        """A new page. `options` are those of Playwright's `new_context`: base_url, viewport, color_scheme,
        java_script_enabled, locale, timezone_id.
        """
        context = self._browser.new_context(**options)
        self._close.callback(context.close)
        context.set_default_timeout(WAIT_MILLISECONDS)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", self._record_console_error)
        page.on("request", self._record_external_request)
        return page

    def close(self) -> None:
        """Close all opened pages."""
        self._close.close()

    def _record_console_error(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            if any(event in message.text for event in ABORTED_BY_HTMX):
                return  # a preview that was in progress when the form was submitted
            self.complaints.append(f"{message.location.get('url')}: {message.text}")

    def _record_external_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.hostname not in LOOPBACK:
            self.complaints.append(f"request to another host: {request.url}")


@contextlib.contextmanager
def serving(app: "WSGIApplication") -> Iterator[str]:
    """Serve an application on a free local port, in threads; yields its base URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="test server", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
