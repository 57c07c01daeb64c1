"""The pages of this repository say what its rows say."""

from __future__ import annotations

from experiments import table


def test_no_page_and_no_picture_differs_from_the_rows():
    assert table.main(['--check']) == 0
