"""The protocols of PKU-MMD."""

from __future__ import annotations

import numpy as np
import pytest
from mmengine.registry import DATASETS

from mmsnip.datasets.benchmarks import PKUMMDDataset
from mmsnip.prepare.job import convert
from mmsnip.prepare.published import PKUMMDSource
from mmsnip.structures import DataError
from mmsnip.synthesis.pkummd_folder import write_pkummd_folder


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
        DataError,
        match=r"toy\.pkl(.|\n)*'xview_val'.*\['train', 'val'\]",
    ):
        PKUMMDDataset(untrimmed_file, 'cross-view', 'val')


@pytest.fixture(scope='module')
def pkummd_folder(tmp_path_factory):
    """Three training and two validation videos, two views of each."""
    folder = tmp_path_factory.mktemp('pku') / 'raw'
    write_pkummd_folder(
        folder, 3, 2, frames=(160, 190), views=('L', 'R'), swapped=0.5
    )
    return folder


@pytest.mark.parametrize('protocol', ['cross-subject', 'cross-view'])
@pytest.mark.parametrize('phase', ['train', 'val'])
def test_a_raw_folder_serves_what_its_converted_file_does(
    pkummd_folder, tmp_path, protocol, phase
):
    path = tmp_path / 'pku.pkl'
    convert(PKUMMDSource(pkummd_folder), path, progress=False)
    expected = PKUMMDDataset(str(path), protocol, phase)

    found = PKUMMDDataset(str(pkummd_folder), protocol, phase)

    assert found.metainfo == expected.metainfo
    assert len(found) == len(expected)
    for index in range(len(found)):
        sample, wanted = found[index], expected[index]
        assert sample['frame_dir'] == wanted['frame_dir']
        for key in ('keypoint', 'segments', 'segment_labels', 'body_mask'):
            np.testing.assert_array_equal(sample[key], wanted[key])


def test_one_line_tells_how_to_prepare_a_raw_folder(
    pkummd_folder, monkeypatch
):
    lines = []
    monkeypatch.setattr(
        'mmsnip.datasets.benchmarks.print_log',
        lambda line, **options: lines.append(line),
    )

    PKUMMDDataset(str(pkummd_folder), phase='val')

    assert len(lines) == 1
    assert '4 recordings' in lines[0]
    assert f'prepare_data.py pkummd {pkummd_folder} FILE.pkl' in lines[0]


def test_a_folder_without_the_split_lists_those_it_has(pkummd_folder):
    folder = pkummd_folder.parent / 'no_list'
    folder.mkdir(exist_ok=True)
    for part in ('PKU_Skeleton_Renew', 'Train_Label_PKU_final'):
        if not (folder / part).exists():
            (folder / part).symlink_to(pkummd_folder / part)

    with pytest.raises(
        DataError,
        match=r"no split 'xsub_train'; it has \['xview_train', 'xview_val'\]",
    ):
        PKUMMDDataset(str(folder))
