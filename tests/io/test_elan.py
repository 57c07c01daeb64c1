from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsnip.io.labels import to_frames
from mmsnip.io.labels.elan import read_elan, save_elan
from mmsnip.structures import DataError
from tests.io.label_text import labels_or_refuse


def eaf(slots, tiers, header='TIME_UNITS="milliseconds"', media=''):
    """A document as ELAN writes it.

    A tier is (id, type, annotations); an annotation (id, slot, slot, text)
    or, referring to another, (id, parent, previous or None, text).
    """
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-01-01T00:00:00+00:00" '
        'FORMAT="3.0" VERSION="3.0">',
        f'<HEADER MEDIA_FILE="" {header}>{media}</HEADER>',
        '<TIME_ORDER>',
    ]
    for key, value in slots.items():
        time = '' if value is None else f' TIME_VALUE="{value}"'
        lines.append(f'<TIME_SLOT TIME_SLOT_ID="{key}"{time}/>')
    lines.append('</TIME_ORDER>')
    for name, kind, members in tiers:
        lines.append(f'<TIER LINGUISTIC_TYPE_REF="{kind}" TIER_ID="{name}">')
        for key, first, second, text in members:
            if first in slots:
                tag = 'ALIGNABLE_ANNOTATION'
                links = f'TIME_SLOT_REF1="{first}" TIME_SLOT_REF2="{second}"'
            else:
                tag, links = 'REF_ANNOTATION', f'ANNOTATION_REF="{first}"'
                if second is not None:
                    links += f' PREVIOUS_ANNOTATION="{second}"'
            lines += [
                '<ANNOTATION>',
                f'<{tag} ANNOTATION_ID="{key}" {links}>',
                f'<ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>',
                f'</{tag}>',
                '</ANNOTATION>',
            ]
        lines.append('</TIER>')
    lines.append('</ANNOTATION_DOCUMENT>')
    return '\n'.join(lines)


SLOTS = dict(t1=500, t2=None, t3=None, t4=2000, t5=2500, t6=4500)
ACTION = (
    'action',
    'plain',
    [('a1', 't1', 't4', 'walk'), ('a2', 't5', 't6', 'sit')],
)
PHASE = (
    'phase',
    'division',
    [
        ('a3', 't1', 't2', 'lift'),
        ('a4', 't2', 't3', 'swing'),
        ('a5', 't3', 't4', 'land'),
    ],
)
NOTE = ('note', 'note', [('a6', 'a2', None, 'fast')])
GLOSS = (
    'gloss',
    'words',
    [
        ('a8', 'a2', 'a7', 'two'),
        ('a7', 'a2', None, 'one'),
        ('a9', 'a4', None, 'deep'),
    ],
)
SMALL = eaf(SLOTS, [ACTION, PHASE, NOTE, GLOSS])


@pytest.fixture
def write(tmp_path):
    def write_text(text, name='v.eaf'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding='utf-8')
        return path

    return write_text


def triples(labels, video='v'):
    one = labels.videos[video]
    return list(zip(one.names, *one.segments.T.tolist()))


WORDS = ('words', 'x', [('b1', 'a1', None, 'x'), ('b2', 'a1', None, 'y')])


@pytest.mark.parametrize(
    ('tiers', 'expected'),
    [
        ('action', [('walk', 0.5, 2), ('sit', 2.5, 4.5)]),
        # slots without a time divide it evenly
        (['phase'], [('lift', 0.5, 1), ('swing', 1, 1.5), ('land', 1.5, 2)]),
        # what refers to another shares its interval, in the order of
        # PREVIOUS_ANNOTATION, or else of the file
        (
            ['note', 'gloss'],
            [
                ('fast', 2.5, 4.5),
                ('two', 3.5, 4.5),
                ('one', 2.5, 3.5),
                ('deep', 1, 1.5),
            ],
        ),
        ('words', [('x', 0.5, 1.25), ('y', 1.25, 2)]),
    ],
)
def test_times_are_those_that_elan_draws(write, tiers, expected):
    text = eaf(SLOTS, [ACTION, PHASE, NOTE, GLOSS, WORDS])

    labels = read_elan(write(text), tiers=tiers)

    assert labels.unit == 's'
    assert triples(labels) == expected
    assert labels.classes == [name for name, *_ in expected]
    assert bool(labels.mended) == ('note' in tiers)  # of overlaps


def test_all_tiers_are_read(write):
    everything = read_elan(write(SMALL))

    assert len(everything.videos['v'].names) == 9
    assert everything.mended[0] == (
        "video 'v', 'walk' 0.5 to 2 s: overlaps 'lift' 0.5 to 1 s"
    )


def test_a_folder_gives_a_video_a_file(write, tmp_path):
    write(SMALL, 'b.1.eaf')
    write(eaf(SLOTS, [NOTE[:2] + ([],)]), 'a/c.eaf')

    labels = read_elan(tmp_path, tiers='action')

    assert list(labels.videos) == ['a/c', 'b.1']
    assert labels.mended == ['c.eaf: has none of the tiers']
    with pytest.raises(DataError, match=r"has no tier 'hand'; there are"):
        read_elan(tmp_path, tiers=['action', 'hand'])


def test_empty_texts_and_shifted_media_are_reported(write):
    tier = ('action', 'x', [('a1', 't1', 't4', ' '), ('a2', 't5', 't6', 'é')])
    media = '<MEDIA_DESCRIPTOR MEDIA_URL="v.mp4" TIME_ORIGIN="120"/>'

    labels = read_elan(write(eaf(SLOTS, [tier], media=media)))

    assert triples(labels) == [('é', 2.5, 4.5)]
    assert labels.mended == [
        "v.eaf: time 0 is '120' ms of 'v.mp4'; segments count from time 0",
        "v.eaf, annotation 'a1' of tier 'action': dropped, it has no text",
    ]


def one_tier(*annotations):
    return eaf(SLOTS, [('x', 'x', annotations)])


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (SMALL[:-30], 'cannot be read as XML: .*line'),
        ('<a/>', 'the root is <a>'),
        (eaf({}, [], 'TIME_UNITS="PAL-frames"'), "TIME_UNITS 'PAL-frames'"),
        (eaf(dict(t1='1.5'), []), r"'t1': TIME_VALUE '1\.5' is no whole"),
        (eaf(dict(t1='9' * 30), []), "'t1': TIME_VALUE '999"),
        (one_tier(('a', 't1', 't9', 'x')), "refers to TIME_SLOT 't9'"),
        (one_tier(('a', 't1', 't2', 'x')), "TIME_SLOT 't2', which has no"),
        (one_tier(('a', 't2', 't4', 'x')), "TIME_SLOT 't2', which has no"),
        (
            one_tier(('a', 't1', 't2', 'x'), ('b', 't2', 't2', 'x')),
            "TIME_SLOT 't2', which has no",
        ),
        (one_tier(('a', 'b', None, 'x')), "refers to 'b', which is no annot"),
        (
            one_tier(('a', 'b', None, 'x'), ('b', 'a', None, 'x')),
            "refers to 'b' and so to itself",
        ),
        (
            one_tier(('a', 't1', 't4', 'x'), ('a', 't5', 't6', 'x')),
            "its ANNOTATION_ID is also that of annotation 'a' of tier 'x'",
        ),
        (
            eaf(SLOTS, [ACTION, ('x', 'x', [('b', 'a1', 'c', 'x')])]),
            "annotation 'b' of tier 'x': PREVIOUS_ANNOTATION does not put",
        ),
        (SMALL.replace(' TIER_ID="note"', ''), 'a TIER has no TIER_ID'),
        (SMALL.replace('TIME_SLOT_REF1', 'X', 1), 'has no TIME_SLOT_REF1'),
        (SMALL.replace('UTF-8', 'no-such'), 'cannot be read as XML'),
    ],
)
def test_a_broken_document_is_refused_by_element(write, text, message):
    with pytest.raises(DataError, match=rf'v\.eaf.*{message}'):
        read_elan(write(text))


@pytest.mark.parametrize(
    'declaration',
    [
        '<!DOCTYPE d [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE d SYSTEM "http://localhost/x.dtd">',
    ],
)
def test_entities_and_document_types_are_refused(write, declaration):
    text = SMALL.replace('<ANNOTATION_DOC', f'{declaration}<ANNOTATION_DOC', 1)

    with pytest.raises(DataError, match='which is refused'):
        read_elan(write(text))


def test_a_long_chain_of_slots_and_references_is_read(write):
    n = 3000
    slots = {f't{i}': None for i in range(1, n)}
    slots = dict(t0=0, **slots, **{f't{n}': n * 10})
    chain = [(f'c{i}', f't{i}', f't{i + 1}', f'{i % 3}') for i in range(n)]
    deep = [
        (f'd{i}', f'd{i - 1}' if i else 'c7', None, 'deep') for i in range(n)
    ]
    text = eaf(slots, [('chain', 'x', chain), ('deep', 'x', deep)])

    segments = read_elan(write(text), tiers='chain').videos['v'].segments

    expected = np.arange(n)[:, None] / 100 + [0, 0.01]
    np.testing.assert_allclose(segments, expected, rtol=0, atol=1e-9)
    deepest = read_elan(write(text), tiers='deep')
    np.testing.assert_allclose(
        deepest.videos['v'].segments, [[0.07, 0.08]], rtol=0, atol=1e-9
    )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from('abcdef'),
                st.sampled_from(['t1', 't2', 't3', 't4', 'a', 'b', 'c', 'd']),
                st.sampled_from(['t1', 't2', 't3', 't4', 'a', 'b', 'c', 'd']),
                st.sampled_from('xy'),
            ),
            max_size=4,
            unique_by=lambda one: one[0],
        ),
        max_size=3,
    )
)
def test_any_references_give_labels_or_our_own_error(tiers):
    text = eaf(SLOTS, [(f'{n}', 'x', own) for n, own in enumerate(tiers)])
    labels_or_refuse(read_elan, text.encode(), 'v.eaf')


CLASSES = ['walk', 'sit & "wait" <1>', 'é']
FOUND = np.array(
    [
        [0, 0, 9, 0.5],
        [1, 4, 13, 0.25],
        [2, 9, 20, 0.125],
        [0, 5, 6, 1],
        [0, 10**6, 10**6 + 1, 0],
    ]
)


@pytest.mark.parametrize('fps', [30, 29.97, 120.0])
def test_detections_come_back_to_the_frame(tmp_path, fps):
    path = tmp_path / 'new' / 'v.eaf'

    save_elan(path, FOUND, CLASSES, fps)

    labels = read_elan(path)
    segments, names, _ = to_frames(labels.videos['v'], fps)
    found = sorted(zip(names, segments.tolist()))
    assert found == sorted(
        (CLASSES[int(row[0])], row[1:3].astype(int).tolist()) for row in FOUND
    )


def test_annotations_of_a_tier_never_overlap(tmp_path):
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 50, 40)
    rows = np.stack([starts % 3, starts, starts + rng.integers(1, 9, 40)], 1)
    path = tmp_path / 'v.eaf'

    save_elan(path, dict(truth=rows, found=FOUND), CLASSES, 30)

    root = ET.parse(path).getroot()
    names = [tier.get('TIER_ID') for tier in root.iter('TIER')]
    assert names[:2] == ['truth', 'truth 2']
    assert names[-3:] == ['found', 'found 2', 'found 3']
    for name in names:
        segments = read_elan(path, tiers=name).videos['v'].segments
        assert (segments[1:, 0] >= segments[:-1, 1]).all()


def test_the_document_follows_the_order_of_the_schema(tmp_path):
    path = tmp_path / 'v.eaf'

    save_elan(path, FOUND, CLASSES, 30, with_scores=True)

    root = ET.parse(path).getroot()
    order = list(dict.fromkeys(element.tag for element in root))
    assert order == [
        *('HEADER', 'TIME_ORDER', 'TIER', 'LINGUISTIC_TYPE', 'CONSTRAINT')
    ]
    assert datetime.fromisoformat(root.attrib.pop('DATE'))
    assert root.attrib == {
        'AUTHOR': 'mmsnip',
        'FORMAT': '3.0',
        'VERSION': '3.0',
        '{http://www.w3.org/2001/XMLSchema-instance}'
        'noNamespaceSchemaLocation': 'http://www.mpi.nl/tools/elan/EAFv3.0.xsd',
    }
    times = [int(s.get('TIME_VALUE')) for s in root.iter('TIME_SLOT')]
    assert times == sorted(times)
    types = {
        one.get('LINGUISTIC_TYPE_ID') for one in root.iter('LINGUISTIC_TYPE')
    }
    assert {t.get('LINGUISTIC_TYPE_REF') for t in root.iter('TIER')} <= types
    keys = [
        one.get('ANNOTATION_ID')
        for one in root.iter()
        if 'ANNOTATION_ID' in one.attrib
    ]
    assert sorted(keys) == sorted(f'a{n}' for n in range(1, 11))
    assert root.findtext('HEADER/PROPERTY') == '10'


def test_scores_depend_on_their_segments_and_are_no_classes(tmp_path, write):
    path = tmp_path / 'v.eaf'

    save_elan(path, FOUND[:1], CLASSES, 30, with_scores=True)

    labels = read_elan(tmp_path)
    assert triples(labels) == [('walk', 0, 0.3)]
    assert "'action score' is left out" in labels.mended[0]
    scores = read_elan(path, 'action score')
    both = read_elan(path, ['action', 'action score'])
    assert triples(scores) == [('0.5', 0, 0.3)]
    assert triples(both) == [('walk', 0, 0.3), ('0.5', 0, 0.3)]
    assert triples(read_elan(path, 'action')) == [('walk', 0, 0.3)]
    # A tier of somebody's own scores depends on no other tier.
    grade = ('grade', 'score', [('a1', 't1', 't4', 'good')])
    assert read_elan(write(eaf(SLOTS, [grade]))).classes == ['good']
    save_elan(path, np.zeros((0, 4)), CLASSES, 30)
    assert read_elan(path, tiers='action').videos['v'].names == []


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        ([[3, 0, 1]], 'row 0: found label 3'),
        ([[0.5, 0, 1]], 'labels must be whole'),
        ([[0, 0, 1], [0, 2, 2]], 'row 1'),
        ([[0, -1, 2]], 'row 0'),
        ([[0, 0, np.nan]], 'row 0'),
        ([[0, 1]], "tier 'action'.*expected label, start, end"),
        ({'a': [[0, 0, 1], [0, 0, 1]], 'a 2': []}, "be named 'a 2'"),
        ({'\x00': []}, r"'\\x00' cannot stand in XML"),
        ({'': []}, "'' cannot stand in XML"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_no_file(
    tmp_path, rows, message
):
    path = tmp_path / 'v.eaf'

    with pytest.raises(ValueError, match=message):
        save_elan(path, rows, CLASSES, 30)

    assert list(tmp_path.iterdir()) == []
