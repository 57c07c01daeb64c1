from __future__ import annotations

import io

import pytest

from mmsnip.conversion import progress
from mmsnip.conversion.progress import progress_bar


class Screen(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def shown(monkeypatch):
    """What a job of some steps writes to the error output."""

    def run(terminal, total, **options):
        screen = Screen(terminal)
        with monkeypatch.context() as patch:
            patch.setattr(progress.sys, 'stderr', screen)
            patch.setattr(progress, 'PAUSE_S', 0.0)
            with progress_bar('converting', total, **options) as advance:
                for _ in range(total):
                    advance()
        return screen.getvalue()

    return run


def test_a_log_gets_a_line_for_each_tenth(shown):
    lines = shown(False, 40).splitlines()

    assert [line.split(',')[0] for line in lines] == [
        f'converting: {n} of 40' for n in range(4, 41, 4)
    ]


def test_a_terminal_gets_a_bar(shown):
    pytest.importorskip('rich')
    text = shown(True, 7)

    assert '7/7' in text
    assert 'converting' in text


@pytest.mark.parametrize('terminal', [False, True])
def test_nothing_is_shown_where_it_is_not_wanted(shown, terminal):
    assert shown(terminal, 7, shown=False) == ''
    assert shown(terminal, 0) == ''
