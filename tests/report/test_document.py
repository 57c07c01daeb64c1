"""The page is closed to the outside, and names in it are text."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from mmsnip.report.document import (
    PAGE,
    SCRIPTS,
    STYLES,
    join_modules,
    make_page,
    safe_json,
)

NASTY = [
    '</script><img src=x onerror=alert(1)>',
    '<!--<script>',
    '{{script}}{{data}}',
    '"\'&amp;\u2028\u2029',
    '\ud800',
    '\\u003c',
]


def policy_of(page):
    """The policy, by directive."""
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    text = found[1].replace('&#x27;', "'")
    return dict(part.strip().split(' ', 1) for part in text.split(';'))


def block(page, tag):
    """What lies in the only style or script element of a kind."""
    return re.search(rf'<{tag}[^>]*>(.*?)</{tag.split()[0]}>', page, re.S)[1]


@pytest.mark.parametrize('name', NASTY)
def test_any_text_comes_back_and_cannot_leave_its_block(name):
    text = safe_json({name: [name]})

    assert json.loads(text) == {name: [name]}
    assert not set('<>&\u2028\u2029') & set(text)
    assert text.encode('utf-8')


@pytest.mark.parametrize('name', NASTY)
def test_names_add_no_element(name):
    plain = make_page(dict(title='a', videos=['a']), {})

    page = make_page(dict(title=name, videos=[name]), {})

    assert page.count('<') == plain.count('<')
    assert page.encode('utf-8')


def test_policy_allows_this_script_and_this_style_only():
    page = make_page(dict(title='a'), {'poses-0': 'QUJD'})

    policy = policy_of(page)

    assert policy['default-src'] == "'none'"
    assert policy['base-uri'] == policy['form-action'] == "'none'"
    for directive, tag in (
        ('style-src', 'style'),
        ('script-src', 'script type="module"'),
    ):
        text = block(page, tag).encode('utf-8')
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert len(policy) == 5


def test_page_names_no_address_and_no_inline_handler():
    page = make_page(dict(title='a'), {})

    addresses = set(re.findall(r'https?://[^\s\'")]+', page))
    assert addresses == {'http://www.w3.org/2000/svg'}
    assert not re.search(
        r'<[^>]*\s(on\w+|style|src)=', page.split('<script')[0]
    )
    assert not re.search(r'@import|innerHTML|insertAdjacentHTML|eval\(', page)


def test_sources_join_to_one_module():
    sources = [(PAGE / name).read_text() for name in SCRIPTS]

    joined = join_modules(sources)

    assert not re.search(r'^(import|export)\b', joined, re.M)
    names = re.findall(
        r'^(?:async )?(?:function|const|class|let) (\w+)', joined, re.M
    )
    assert len(names) == len(set(names))


def test_modules_come_behind_those_they_import():
    seen = set()

    for name in SCRIPTS:
        text = (PAGE / name).read_text()
        needed = re.findall(r"^[^/\n]*from '\./([\w.]+)';", text, re.M)
        assert set(needed) <= seen, name
        seen.add(name)


def test_every_source_is_in_the_page_and_short():
    files = {path.name for path in PAGE.iterdir()}

    assert files == {*SCRIPTS, *STYLES, 'page.html'}
    for name in files:
        assert len((PAGE / name).read_text().splitlines()) <= 300, name
