"""A browser and a page that are made once."""

from __future__ import annotations

import pytest

from mmsnip.report import build_report
from tests.report.browsing import Watched, open_browser
from tests.report.made import write_case


@pytest.fixture(scope='session')
def browser():
    """Headless Chromium."""
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope='session')
def report(tmp_path_factory):
    """A page of four videos with scores, truth and skeletons."""
    folder = tmp_path_factory.mktemp('report')
    ann, scores = write_case(folder, 4, (300, 500))
    build_report(scores, ann, folder / 'report.html')
    return folder / 'report.html'


@pytest.fixture
def seen(browser, report):
    """The page in a window of 1280 x 800; it stays silent."""
    watched = Watched(browser, report)
    watched.page.wait_for_selector('#skeleton:visible')
    watched.settle()
    yield watched
    watched.check_silent()
    watched.context.close()
