"""Marked places of pages: what is written there, and whether it is right."""

from __future__ import annotations

import re

__all__ = ['PageError', 'fill_place', 'place_text', 'places_in']


class PageError(ValueError):
    """A page without the place, or with a broken one."""


def _marks(name: str) -> tuple[str, str]:
    return (
        f'<!-- experiments: {name} begin -->',
        f'<!-- experiments: {name} end -->',
    )


def place_text(page: str, name: str, where: str) -> str:
    """What a page has between the marks of a place.

    Args:
        page (str): Its text.
        name (str): Of the place.
        where (str): Of the page, for the message.

    Returns:
        str: Without the newlines beside the marks.

    Raises:
        PageError: If the marks are not there once each, in order.

    Examples:
        >>> marks = '<!-- experiments: a begin -->x<!-- experiments: a end -->'
        >>> place_text(marks, 'a', 'README.md')
        'x'
    """
    first, last = _span(page, name, where)
    return page[first:last].strip('\n')


def fill_place(page: str, name: str, text: str, where: str) -> str:
    """Put a text between the marks of a place.

    Args:
        page (str): Text of the page.
        name (str): Of the place.
        text (str): What to put there.
        where (str): Of the page, for the message.

    Returns:
        str: The page, changed between the marks alone.

    Raises:
        PageError: If the marks are not there once each, in order.
    """
    first, last = _span(page, name, where)
    return f'{page[:first]}\n{text}\n{page[last:]}'


def _span(page: str, name: str, where: str) -> tuple[int, int]:
    begin, end = _marks(name)
    counts = page.count(begin), page.count(end)
    if counts != (1, 1) or page.index(end) < page.index(begin):
        raise PageError(
            f'{where}: the place {name!r} begins {counts[0]} times and ends '
            f'{counts[1]} times; put {begin} and, below it, {end} there once'
        )
    return page.index(begin) + len(begin), page.index(end)


def places_in(page: str) -> list[str]:
    """Names of the places that a page begins.

    Examples:
        >>> places_in('<!-- experiments: a begin -->')
        ['a']
    """
    return re.findall(r'<!-- experiments: (.+?) begin -->', page)
