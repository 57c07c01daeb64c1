"""The page is closed to the outside, and names in it are text."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.report.build import (
    COLORS,
    PAGE,
    SCRIPTS,
    STYLES,
    class_looks,
    compute_metrics,
    make_page,
    metric_tables,
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


def test_every_source_is_in_the_page():
    files = {path.name for path in PAGE.iterdir()}

    assert files == {*SCRIPTS, *STYLES, 'page.html'}


CLASSES = ['walk', 'sit']
SCORES = {
    'a': np.repeat([[0.8, 0.1, 0.1], [0.1, 0.2, 0.7]], [6, 7], axis=0),
    'b': np.repeat([[0.1, 0.7, 0.2], [0.3, 0.2, 0.5]], [4, 9], axis=0),
}
TRUTH = {'a': np.array([[0, 0, 6]]), 'b': np.array([[0, 0, 4]])}
FOUND = {
    'a': np.array([[0, 0, 6, 0.8]]),
    'b': np.array([[1, 0, 4, 0.7]]),
    'c': np.array([[1, 0, 4, 0.7]]),
}
LABELS = {'a': np.repeat([0, 2], [6, 7]), 'b': np.repeat([1, 2], [4, 9])}


def test_scores_are_evaluated_as_their_file_says():
    settings = dict(
        protocol='voc',
        proposals={'runs': {}},
        convention='clean',
        iou_thresholds=[0.3, 0.6],
        label_rule='any',
    )

    found = compute_metrics(FOUND, SCORES, TRUTH, LABELS, CLASSES, settings)

    del settings['label_rule']
    expected = evaluate_scores(SCORES, TRUTH, CLASSES, **settings)[0]
    np.testing.assert_equal(found, expected)


def test_detections_alone_have_map_and_frame_metrics():
    found = compute_metrics(FOUND, {}, TRUTH, LABELS, CLASSES, {})

    # one of two walks is found; 'c' has no truth and is not counted
    assert found['shown/AP@0.50/walk'] == pytest.approx(0.5)
    assert found['frame_accuracy'] == pytest.approx(22 / 26)
    assert found['runs_per_segment'] == 1


def test_tables_sort_metrics_by_iou_and_class():
    metrics = {
        'sweep/mAP@0.50': 0.3,
        'sweep/mAP@0.10': 0.5,
        'sweep/mAP': 0.4,
        'sweep/AP@0.50/sit/down': 0.2,
        'sweep/AP@0.10/sit/down': float('nan'),
        'runs/mAP': 0.1,
        'F1@50': 0.7,
        'runs_per_segment': 2.5,
        'odd': 3.0,
    }

    tables = metric_tables(metrics, ['walk', 'sit/down'])

    sweep, runs = tables['proposals']
    assert sweep['ious'] == ['0.10', '0.50']
    assert sweep['maps'] == [0.5, 0.3]
    assert sweep['mean'] == 0.4
    assert sweep['classes'] == [[1, [None, 0.2]]]
    assert (runs['name'], runs['mean'], runs['ious']) == ('runs', 0.1, [])
    assert [row[::2] for row in tables['frames']] == [
        ['F1@50', 0.7],
        ['runs_per_segment', 2.5],
    ]
    assert tables['others'] == [['odd', 3.0]]


def test_classes_look_as_in_the_pictures():
    palette = pytest.importorskip('mmsnip.visualization.canvas')

    looks = class_looks(40)

    assert palette.COLORS == COLORS
    for index, look in enumerate(looks):
        style = palette.class_style(index)
        assert look['color'] == style.color
        assert look['ink'] == style.ink
        assert (look['pattern'] == 'plain') == (style.hatch == '')
