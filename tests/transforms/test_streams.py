"""The stream of a pipeline, read and set from outside."""

from __future__ import annotations

import copy

import pytest

from mmsnip.transforms.streams import in_stream, streams_of

STEP = dict(type='mmsnip.SkeletonStream', stream='joint')
PIPELINE = [
    dict(type='FormatSkeleton'),
    dict(type='MultiView', views=[[STEP], [dict(type='RandomNoise'), STEP]]),
]


def test_a_stream_is_set_inside_of_views_and_the_original_is_left():
    before = copy.deepcopy(PIPELINE)

    changed = in_stream(PIPELINE, 'bone')

    assert streams_of(changed) == {('bone',)}
    assert before == PIPELINE


def test_everything_else_of_the_pipeline_stays():
    assert in_stream(in_stream(PIPELINE, 'motion'), 'joint') == PIPELINE


def test_two_streams_in_one_pipeline_are_both_named():
    mixed = [STEP, dict(STEP, stream=['bone', 'motion'])]

    assert streams_of(mixed) == {('joint',), ('bone', 'motion')}


def test_a_pipeline_without_stream_is_refused():
    with pytest.raises(ValueError, match='add one before PackSkeletonInputs'):
        in_stream([dict(type='FormatSkeleton')], 'bone')
