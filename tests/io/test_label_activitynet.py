from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsnip.io.detections import save_detections
from mmsnip.io.labels import to_frames
from mmsnip.io.labels.activitynet import read_activitynet_labels
from mmsnip.structures import DataError
from tests.io.label_text import labels_or_refuse

DATABASE = {
    'version': 'VERSION 1.3',
    'taxonomy': [],
    'database': {
        'v_b': {
            'subset': 'training',
            'duration': 12.5,
            'url': 'none',
            'annotations': [
                {'segment': [1.5, 4], 'label': 'Long jump'},
                {'segment': ['6', 13.0], 'label': 'Archery'},
            ],
        },
        'v_a': {'subset': 'Validation', 'annotations': []},
        'v_c': {'subset': 'testing', 'duration': 3},
        'v_d': {'subset': 'extra', 'annotations': []},
    },
}


def write(tmp_path, document):
    path = tmp_path / 'anet.json'
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_text(text)
    return path


def test_ground_truth_gives_segments_in_seconds_and_splits(tmp_path):
    labels = read_activitynet_labels(write(tmp_path, DATABASE))

    assert labels.unit == 's'
    assert labels.videos['v_b'].segments.tolist() == [[1.5, 4], [6, 13]]
    assert labels.videos['v_b'].names == ['Long jump', 'Archery']
    assert labels.classes == ['Long jump', 'Archery']
    assert labels.splits == dict(
        train=['v_b'], val=['v_a'], test=['v_c'], extra=['v_d']
    )
    assert labels.videos['v_c'].segments.shape == (0, 2)
    assert labels.mended == [
        "database['v_b'].annotations[1]: 'Archery' ends at 13 s, after the "
        'duration of 12.5 s'
    ]


def test_our_own_results_come_back_as_labels(tmp_path):
    found = {
        'b': np.array([[1, 2, 9, 0.125], [0, 11, 12, -0.25]]),
        'a/1': np.zeros((0, 4)),
    }
    path = tmp_path / 'out.json'
    save_detections(path, found, {}, ['walk', 'sit'], {'b': 29.97, 'a/1': 30})

    labels = read_activitynet_labels(path)

    assert labels.classes == ['walk', 'sit']
    assert list(labels.videos) == ['b', 'a/1']
    segments, names, _ = to_frames(labels.videos['b'])
    assert segments.tolist() == [[2, 9], [11, 12]]
    assert names == ['sit', 'walk']


@pytest.mark.parametrize(
    ('document', 'message'),
    [
        ('{"database": {\n"v": ', 'line 2: .* is the file cut off'),
        ('{"database": {"v": {}, "v": {}}}', "the key 'v' stands twice"),
        ('[' * 200_000, 'is no JSON'),
        ('[1]', "lacks the key 'database'"),
        ('{"data": {}}', "lacks the key 'database'"),
        ('{"database": {}}', 'has no video'),
        ('{"database": {"v": 3}}', r"database\['v'\]: found int 3"),
        ('{"database": {"../v": {}}}', 'cannot name a recording'),
        (
            '{"database": {"v": {"annotations": {}}}}',
            r"database\['v'\]\.annotations: found dict",
        ),
        ('{"results": {"v": [7]}}', r"results\['v'\]\[0\]: found int 7"),
    ],
)
def test_other_documents_are_refused_by_place(tmp_path, document, message):
    with pytest.raises(DataError, match=rf'anet\.json.*{message}'):
        read_activitynet_labels(write(tmp_path, document))


@pytest.mark.parametrize(
    'entry',
    [
        {'segment': [1], 'label': 'a'},
        {'segment': [1, None], 'label': 'a'},
        {'segment': [1, float('nan')], 'label': 'a'},
        {'segment': [1, 10**400], 'label': 'a'},
        {'segment': [1, 2], 'label': 5},
        {'label': 'a'},
    ],
    ids=repr,
)
def test_a_malformed_annotation_is_refused(tmp_path, entry):
    good = {'segment': [1, 2], 'label': 'a'}
    path = write(tmp_path, {'database': {'v': {'annotations': [good, entry]}}})

    place = r"\['v'\]\.annotations\[1\]\.(segment|label)"
    with pytest.raises(DataError, match=place):
        read_activitynet_labels(path)


def test_a_result_outside_the_classes_of_the_file_is_refused(tmp_path):
    document = {
        'results': {'v': [{'segment': [1, 2], 'label': 'a', 'score': 1}]},
        'external_data': {'classes': ['b']},
    }

    with pytest.raises(DataError, match="label 'a', which is none of"):
        read_activitynet_labels(write(tmp_path, document))


plain = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text('ab'),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(['annotations', 'segment', 'label', 'subset']),
            inner,
            max_size=4,
        )
    ),
    max_leaves=9,
)


@settings(max_examples=60, deadline=None)
@given(plain, st.sampled_from(['database', 'results', 'external_data']))
def test_any_document_gives_labels_or_our_own_error(value, key):
    document = {'database': {'v': {}}, key: {'v': value, 'classes': value}}
    if key == 'external_data':
        document = {
            'results': {'v': []},
            key: {'fps': value, 'classes': value},
        }
    labels_or_refuse(
        read_activitynet_labels, json.dumps(document).encode(), 'anet.json'
    )
