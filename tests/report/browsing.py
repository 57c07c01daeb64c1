"""A headless Chromium for the tests of the page, or the reason for none.

Debian's package ``chromium`` is the browser and playwright from PyPI drives
it; ``MMSNIP_BROWSER`` names another Chromium.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager

import numpy as np
import pytest

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')


def find_browser():
    """Path of a Chromium, or None."""
    given = os.environ.get('MMSNIP_BROWSER')
    if given:
        return given
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def open_browser():
    """A browser of playwright; skips where there is none."""
    api = pytest.importorskip(
        'playwright.sync_api',
        reason='playwright is not installed: pip install playwright',
    )
    path = find_browser()
    if path is None:
        pytest.skip(
            f'no browser: none of {", ".join(NAMES)} is on the PATH and '
            'MMSNIP_BROWSER is not set; install the package chromium'
        )
    with api.sync_playwright() as driver:
        # as root a sandbox cannot be made; the page is ours
        browser = driver.chromium.launch(
            executable_path=path, args=['--no-sandbox']
        )
        yield browser
        browser.close()


class Watched:
    """A page with everything that must not happen on it.

    Args:
        browser (Any): Of `open_browser`.
        path (Path): HTML file.
        size (tuple[int, int]): Of the window, in pixels.
        init (str): Script that runs before the page's.
        options (Any): Of the browser context, as ``color_scheme``.
    """

    def __init__(self, browser, path, size=(1280, 800), init='', **options):
        viewport = dict(width=size[0], height=size[1])
        self.context = browser.new_context(viewport=viewport, **options)
        self.page = self.context.new_page()
        self.said, self.requests = [], []
        self.page.on('console', lambda m: self.said.append(m.text))
        self.page.on('pageerror', lambda e: self.said.append(str(e)))
        self.page.on('request', lambda r: self.requests.append(r.url))
        if init:
            self.page.add_init_script(init)
        self.address = path.as_uri()
        self.page.goto(self.address)
        self.page.wait_for_selector('html[data-ready]', timeout=20000)

    def check_silent(self):
        """No message, no error, no request but for the file itself."""
        assert self.said == []
        assert self.requests == [self.address]

    def time(self):
        """Seconds that the timeline says."""
        box = self.page.locator('#timeline')
        return float(box.get_attribute('aria-valuenow'))

    def settle(self, milliseconds=120):
        """Let what is drawn once a frame be drawn."""
        self.page.wait_for_timeout(milliseconds)

    def canvas(self):
        """The skeleton as a text that differs with its pixels."""
        self.settle()
        return self.page.evaluate(
            "document.getElementById('skeleton').toDataURL()"
        )

    def picture(self):
        """The skeleton in few pixels, which rounding does not change."""
        self.settle()
        pixels = self.page.evaluate(
            """() => {
              const small = new OffscreenCanvas(80, 60).getContext('2d');
              const canvas = document.getElementById('skeleton');
              small.drawImage(canvas, 0, 0, 80, 60);
              return [...small.getImageData(0, 0, 80, 60).data];
            }"""
        )
        return np.array(pixels, float)

    def bars(self, more=''):
        """Number of segments on the timeline."""
        self.settle()
        return self.page.locator(f'#timeline .segment{more}').count()

    def data(self):
        """What the page was made of."""
        text = self.page.locator('#data').text_content()
        return json.loads(text)
