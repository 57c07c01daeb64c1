"""A number in a file decides no more memory than the file itself takes."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest

from tests.formats.readers import load_sequence

BVH = """HIERARCHY
ROOT a
{
OFFSET 0 0 0
CHANNELS %s Xposition Yposition Zposition
End Site
{
OFFSET 0 1 0
}
}
MOTION
Frames: %s
Frame Time: 0.1
0 0 0
"""
BODY = '1 0 0 0 0 0 0 0 0 0\n25\n' + '1 2 3 0 0 0 0 0 0 0 0 2\n' * 25
BLANK = ' ' * 100_000
TRC = (
    'PathFileType\t4\t(X/Y/Z)\ta.trc\n'
    'DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\n'
    '60\t60\t%s\t1\tmm\nFrame#\tTime\ta\t\t\n\t\tX1\tY1\tZ1\n'
    '0\t0\t1\t2\t3\n%s\t0.1\t1\t2\t3\n'
)


def coco(*frames):
    person = dict(category_id=1, keypoints=[1, 2, 0.5] * 17, score=1)
    return json.dumps([dict(person, image_id=f'{n}.jpg') for n in frames])


def blaze(*times):
    joints = [dict(x=1, y=2, z=3, visibility=1)] * 33
    return json.dumps([dict(timestamp_ms=t, landmarks=joints) for t in times])


def mmpose(*frames):
    person = dict(keypoints=[[1, 2]] * 17, keypoint_scores=[1] * 17)
    found = [dict(frame_id=n, instances=[person]) for n in frames]
    return json.dumps(dict(meta_info={}, instance_info=found))


FILES = {
    'frame.csv': lambda n: f'frame,a_x,a_y\n0,1,2\n{n},1,2\n',
    'time.csv': lambda n: f'time,a_x,a_y\n0,1,2\n0.1,1,2\n{n},1,2\n',
    'person.csv': lambda n: f'frame,person,a_x,a_y\n0,0,1,2\n0,{n},1,2\n',
    'name.json': lambda n: coco(0, n),
    'time.json': lambda n: blaze(0, 40, n),
    'frame.json': lambda n: mmpose(0, n),
    'frames.skeleton': lambda n: f'{n}\n1\n{BODY}',
    'bodies.skeleton': lambda n: f'1\n{n}\n{BODY}',
    'frames.bvh': lambda n: BVH % (3, n),
    'channels.bvh': lambda n: BVH % (n, 1),
    'frame.trc': lambda n: TRC % (1, n),
    'frames.trc': lambda n: TRC % (n, 1),
    'rate.trc': lambda n: (TRC % (1, 1)).replace('60', str(n)),
    'image.csv': lambda n: (
        'scorer,a,a,a\nbodyparts,h,h,h\ncoords,x,y,likelihood\n'
        f'labeled/img0.png,1,2,1\nlabeled/img{n}.png,1,2,1\n'
    ),
    'motive.csv': lambda n: (
        'Format Version,1.23,Export Frame Rate,60\n\n,Type,Bone,Bone,Bone\n'
        ',Name,a:h,a:h,a:h\n,,Position,Position,Position\n'
        f'Frame,Time (Seconds),X,Y,Z\n0,0,1,2,3\n{n},0.1,1,2,3\n'
    ),
    'vicon.csv': lambda n: (
        'Trajectories\n100\n,,a:h,,\nFrame,Sub Frame,X,Y,Z\n,,mm,mm,mm\n'
        f'1,0,1,2,3\n{n},0,1,2,3\n'
    ),
    'spaces.bvh': lambda n: BVH.replace('es:', 'es') % (3, BLANK + 'a b'),
    'deep.json': lambda n: '[' * 100_000,
    'deep.bvh': lambda n: BVH.replace('End Site', 'JOINT b\n{\n' * 5000),
}


@pytest.mark.parametrize('name', FILES)
@pytest.mark.parametrize('number', [10**7, 10**9, 10**15, 10**30])
def test_a_huge_number_takes_no_memory_and_no_time(tmp_path, name, number):
    path = tmp_path / name
    path.write_text(FILES[name](number))
    started, size = time.process_time(), 0
    tracemalloc.start()
    try:
        keypoint, _ = load_sequence(path)
        told, size = name, keypoint.nbytes
    except ValueError as error:
        told = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert name in told
    assert size < 1e6
    assert peak < 1e8
    assert time.process_time() - started < 5
