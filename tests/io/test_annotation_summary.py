"""Numbers about an annotation file."""

from __future__ import annotations

import numpy as np

from mmsnip.io.annotation_summary import format_summary, summarize_videos


def test_summary_counts_frames_segments_and_persons(untrimmed):
    untrimmed['annotations'][1]['keypoint'][1] = 0  # an absent person

    summary = summarize_videos(untrimmed['annotations'], fps=30.0)

    assert summary['videos'] == 2
    assert summary['frames'] == 20
    assert summary['video_frames'] == [7, 10, 13]
    assert summary['segment_frames'] == [3, 5, 7]
    assert summary['persons'] == {1: 1, 2: 1}
    assert summary['segments'] == {0: 1, 2: 1}
    np.testing.assert_allclose(summary['background'], 0.5)
    np.testing.assert_allclose(summary['hours'], 20 / 30 / 3600)


def test_summary_lists_every_class(untrimmed):
    summary = summarize_videos(untrimmed['annotations'], fps=30.0)

    text = format_summary(summary, untrimmed['metainfo']['classes'])

    rows = [line.split() for line in text.splitlines()]
    assert ['wave', '0', '1'] in rows
    assert ['jump', '0', '0'] in rows
    assert ['sit', '0', '1'] in rows


def test_malformed_fields_do_not_stop_the_summary(untrimmed):
    untrimmed['annotations'][0].update(segments=[[1]], keypoint=None, fps=-1)
    untrimmed['annotations'][1].update(fps='x')

    summary = summarize_videos(untrimmed['annotations'], fps=30.0)

    assert summary['videos'] == 2
