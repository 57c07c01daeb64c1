"""The protocols of PKU-MMD."""

from __future__ import annotations

import pytest
from mmengine.registry import DATASETS

from mmsnip.datasets.pkummd import PKUMMDDataset
from mmsnip.io.annotation import AnnotationError


@pytest.fixture
def pkummd_file(write, make_video):
    names = ['0002-L', '0002-M', '0003-L', '0003-M']
    videos = [
        make_video(name, 6 + n, [[1, 4, n % 3]])
        for n, name in enumerate(names)
    ]
    split = dict(
        xsub_train=names[:2],
        xsub_val=names[2:],
        xview_train=names[1::2],
        xview_val=names[::2],
    )
    return write(videos, split=split)


@pytest.mark.parametrize(
    ('protocol', 'phase', 'expected'),
    [
        ('cross-subject', 'train', ['0002-L', '0002-M']),
        ('cross-subject', 'val', ['0003-L', '0003-M']),
        ('cross-view', 'train', ['0002-M', '0003-M']),
        ('cross-view', 'val', ['0002-L', '0003-L']),
    ],
)
def test_protocol_and_phase_choose_the_split(
    pkummd_file, protocol, phase, expected
):
    dataset = DATASETS.build(
        dict(
            type='mmsnip.PKUMMDDataset',
            ann_file=pkummd_file,
            protocol=protocol,
            phase=phase,
        )
    )

    names = [dataset[i]['frame_dir'] for i in range(len(dataset))]
    assert names == expected


def test_a_file_without_the_split_lists_those_it_has(untrimmed_file):
    with pytest.raises(
        AnnotationError,
        match=r"toy\.pkl(.|\n)*'xview_val'.*\['train', 'val'\]",
    ):
        PKUMMDDataset(untrimmed_file, 'cross-view', 'val')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(protocol='cross-setup'), "protocol='cross-setup' is unknown"),
        (dict(phase='test'), r"phase='test' .*\['train', 'val'\]"),
        (dict(split='xsub_val'), 'chosen by protocol and phase'),
    ],
)
def test_unknown_arguments_are_refused(pkummd_file, arguments, message):
    with pytest.raises(ValueError, match=message):
        PKUMMDDataset(pkummd_file, **arguments)
