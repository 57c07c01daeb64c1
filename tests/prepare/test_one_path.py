"""What training sees of a recording, inference sees: every format, one path.

A file goes through `mmsnip prepare` into an annotation file and out of a data
set, and through `read` and `fit` as `mmsnip infer` has it: equal arrays.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mmsnip.apis.inferencer import open_recording
from mmsnip.apis.trained_model import Recipe, expected_input
from mmsnip.datasets import SkeletonLocalizationDataset
from mmsnip.io.formats import FORMATS, read
from mmsnip.prepare.fit import Given, fit
from mmsnip.prepare.folder import FolderSource
from mmsnip.skeleton.layout import from_metainfo, get_layout
from tests.prepare.noted import run

T = 41
NTU, COCO = get_layout('nturgb+d'), get_layout('coco')
HEADER = 'hip_x,hip_y,hip_z,neck_x,neck_y,neck_z,head_x,head_y,head_z'
BVH = """HIERARCHY
ROOT hips
{
 OFFSET 0 0 0
 CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
 JOINT neck
 {
  OFFSET 0 80 0
  CHANNELS 3 Zrotation Xrotation Yrotation
  JOINT head
  {
   OFFSET 0 60 0
   CHANNELS 3 Zrotation Xrotation Yrotation
   End Site
   {
    OFFSET 0 10 0
   }
  }
 }
}
MOTION
"""


def walk(V, M=2, C=3, seed=0):
    """Persons who walk about; hands are lost for a while, one leaves."""
    rng = np.random.default_rng(seed)
    body = rng.uniform(0.2, 1.2, (M, 1, V, C)) * (1.4, 1.6, 1.4)[:C]
    way = rng.normal(0, 0.03, (M, T, 1, C)).cumsum(axis=1) + 3
    keypoint = body + way
    keypoint[0, 10:14, V - 1] = keypoint[0, 20:33, V - 2] = 0
    keypoint[1:, 30:] = 0
    return keypoint.astype(np.float32)


def npz(folder):
    facts = dict(fps=25.0, unit='m', up='z', joint_names=NTU.joint_names)
    np.savez(
        folder / 'a.npz', keypoint=walk(25, M=3), parents=NTU.parents, **facts
    )
    return dict(to_persons=2, to_fps=20.0)


def bvh(folder):
    rng = np.random.default_rng(1)
    way = rng.normal(0, 3, (T, 3)).cumsum(axis=0)
    way[5] = 0  # a joint at the origin is there
    rows = np.concatenate([way, rng.uniform(-40, 40, (T, 9))], axis=1)
    lines = [' '.join(f'{x:.5f}' for x in row) for row in rows]
    text = f'{BVH}Frames: {T}\nFrame Time: 0.02\n' + '\n'.join(lines)
    (folder / 'a.bvh').write_text(text + '\n')
    return dict(unit='cm', to_fps=30.0)


def table(folder):
    keypoint = walk(3, M=1)[0].reshape(T, 9)
    lines = [
        ','.join(f'{x:.5f}' if x else '' for x in row) for row in keypoint
    ]
    (folder / 'a.csv').write_text(HEADER + '\n' + '\n'.join(lines) + '\n')
    layout = dict(joint_names=['hip', 'neck', 'head'], parents=[-1, 0, 1])
    return dict(layout=layout, up='y', unit='m')


def skeleton(folder):
    lines = [str(T)]
    for t in range(T):
        bodies = [x[t] for x in walk(25) if x[t].any()]
        lines.append(str(len(bodies)))
        for m, joints in enumerate(bodies):
            lines += [f'{7205759403793110 + m} 0 1 1 1 1 0 0.02 0.05 2', '25']
            lines += [
                f'{x:.7g} {y:.7g} {z:.7g} 2 1 3 5 -0.2 0.05 0.9 -0.1 2'
                for x, y, z in joints
            ]
    (folder / 'S001C001P001R001A001.skeleton').write_text('\n'.join(lines))
    return {}


def frames(folder):
    for t in range(T):
        people = [
            dict(
                pose_keypoints_2d=np.concatenate(
                    [x[t], 0.8 * x[t].any(-1, keepdims=True)], axis=1
                )
                .ravel()
                .tolist()
            )
            for x in 100 * walk(25, C=2)
            if x[t].any()
        ]
        path = folder / 'clip' / f'clip_{t:06d}_keypoints.json'
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(dict(people=people)))
    return dict(fps=25.0, to_persons=2)


GOLDEN = Path(__file__).parents[1] / 'formats' / 'golden'
CHAIN = dict(joint_names=['hip', 'neck', 'head'], parents=[-1, 0, 1])


def golden(path):
    """A file of each format, three joints of which nobody says the bones."""

    def write(folder):
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, folder / path.name)
        file = read(folder / path.name)
        facts = dict(layout=CHAIN) if file.keypoint.shape[2] == 3 else {}
        if file.keypoint.shape[-1] == 3 and file.unit is None:
            facts |= dict(unit='cm', up='y')
        return facts if file.fps else dict(facts, fps=25.0, to_fps=30.0)

    write.__name__ = path.name
    return write


GOLDENS = [
    golden(path)
    for path in sorted(GOLDEN.iterdir())
    if path.name not in ('columns.yaml', 'notes_first.csv')
]


@pytest.mark.parametrize(
    'write',
    [npz, bvh, table, skeleton, frames, *GOLDENS],
    ids=lambda write: write.__name__,
)
def test_training_and_inference_see_the_same(tmp_path, write):
    folder = tmp_path / 'in'
    folder.mkdir()
    facts = write(folder)
    (path,) = folder.iterdir()
    output = tmp_path / 'o.pkl'

    report, data = run(FolderSource(folder, val_fraction=0), output, facts)

    assert report.skipped == []
    (video,) = data['annotations']
    metainfo = {'fps': 30.0, **data['metainfo']}
    trained = SkeletonLocalizationDataset(
        str(output), metainfo=dict(fps=30.0), test_mode=True
    ).get_data_info(0)
    C = video['keypoint'].shape[-1]
    steps = [dict(type='NormalizeSkeleton', align='heading')] * (C == 3)
    recipe = Recipe('', {}, {}, steps, metainfo, 'mmsnip')
    expected = expected_input(recipe, from_metainfo(metainfo), C)
    said = {k: v for k, v in facts.items() if not k.startswith('to_')}
    fitted = fit(
        open_recording(str(path), layout=expected.layout),
        expected,
        Given(**said),
    )

    np.testing.assert_array_equal(fitted.keypoint, trained['keypoint'])
    bodies = (trained['keypoint'] != 0).any(axis=(2, 3))
    np.testing.assert_array_equal(fitted.bodies, bodies)
    if 'keypoint_score' in trained:
        np.testing.assert_array_equal(fitted.score, trained['keypoint_score'])


def test_every_format_has_a_file_that_goes_both_ways():
    endings = {p.suffix for p in GOLDEN.iterdir()} | {'.skeleton'}

    assert {e for known in FORMATS for e in known.endings} - endings == {
        '.tsv'
    }
