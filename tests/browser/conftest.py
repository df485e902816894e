"""Pages as a browser shows them: Debian's Chromium, driven by Playwright, without a network."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf-8")
#: A flag that no page sets; only a script that came in as text could.
FLAG = "window.ran = []; window.alert = (text) => window.ran.push(String(text));"


@pytest.fixture(scope="session")
def browser():
    """A browser that is installed; nothing is downloaded."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail(
            f"no browser: none of {', '.join(NAMES)} is on the PATH; install one, on Debian and "
            "Ubuntu with `apt-get install chromium`"
        )
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found)
        yield launched
        launched.close()


class Visit:
    """A page that is open: what it asked of the network, and what it complained of.

    Parameters
    ----------
    browser : Browser
    path : Path
    **context
        What the browser pretends, such as ``color_scheme="dark"``.
    """

    def __init__(self, browser, path, **context):
        self.context = browser.new_context(**{"color_scheme": "light"} | context)
        self.context.add_init_script(FLAG)
        self.requests, self.complaints = [], []
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.address = path.as_uri()
        self.page.goto(self.address)

    @property
    def foreign(self):
        """Requests beyond the file itself and what it carries inside."""
        return [url for url in self.requests if url != self.address and not url.startswith("data:")]

    def unfold(self):
        """Open what is folded, so that all of the page is there."""
        self.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")

    def audit(self):
        """Return what a reader by eye, ear or keyboard would stumble over."""
        self.unfold()
        return self.page.evaluate(AUDIT)


@pytest.fixture
def visit(browser):
    """Open a page; it is closed after the test."""
    opened = []

    def go(path, **context):
        opened.append(Visit(browser, path, **context))
        return opened[-1]

    yield go
    for one in opened:
        one.context.close()
