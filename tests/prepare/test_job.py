from __future__ import annotations

import json
import os
import signal
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mmsnip.io.annotation import (
    load_annotation,
    open_annotation,
    validate_annotation,
)
from mmsnip.io.store import SkeletonStore
from mmsnip.prepare.folder import FolderSource, Item
from mmsnip.prepare.job import (
    Work,
    _part_name,
    convert,
    only_one,
)
from mmsnip.prepare.workers import Killed, work_through
from tests.prepare.noted import (
    LAYOUT,
    NotedSource,
    convert_apart,
    read_names,
    wanted,
    write_folder,
)


def run(source, output, facts=(), **options):
    made = wanted(**dict(facts))
    return convert(source, output, made, progress=False, **options)


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / 'in')


@pytest.fixture
def log(tmp_path):
    return tmp_path / 'read.txt'


def listing(folder):
    return sorted(str(path) for path in folder.rglob('*'))


def interrupted(folder, log, output, at='walk/p3'):
    source = NotedSource(folder, log, at, 'interrupt')
    with pytest.raises(KeyboardInterrupt):
        run(source, output)
    read = read_names(log)
    log.unlink()
    return read


def test_recordings_arrive_as_they_were_saved(folder, log, tmp_path):
    output = tmp_path / 'out.pkl'
    report = run(NotedSource(folder, log), output, dict(fps=25.0))

    data = load_annotation(output)
    names = [f'sit/p{n}' for n in (0, 2, 4, 6)] + ['walk/p1', 'walk/p3']
    assert [v['frame_dir'] for v in data['annotations']] == [
        *names,
        'walk/p5',
    ]
    for video in data['annotations']:
        saved = np.load(folder / f'{video["frame_dir"]}.npy')
        np.testing.assert_array_equal(video['keypoint'], saved)
        assert video['total_frames'] == saved.shape[1]
    assert data['metainfo']['parents'] == LAYOUT['parents']
    assert report.converted == report.found == 7
    assert report.frames == sum(range(11, 18))
    assert report.hours == pytest.approx(sum(range(11, 18)) / 25 / 3600)


def test_nothing_but_output_and_report_is_left(folder, log, tmp_path):
    output = tmp_path / 'new' / 'out.pkl'
    run(NotedSource(folder, log), output)

    assert sorted(p.name for p in output.parent.iterdir()) == [
        'out.pkl',
        'out.pkl.report.json',
    ]


def test_two_workers_give_the_same_bytes_as_one(folder, log, tmp_path):
    (folder / 'walk' / 'broken.npy').write_bytes(b'no array')
    one, two = tmp_path / 'one.pkl', tmp_path / 'two.pkl'
    first = run(NotedSource(folder, log), one, workers=1)
    second = run(NotedSource(folder, log), two, workers=2)

    assert one.read_bytes() == two.read_bytes()
    assert first.skipped == second.skipped
    assert first.converted == second.converted == 7


def test_a_killed_run_goes_on_without_reading_again(folder, log, tmp_path):
    output, whole = tmp_path / 'out.pkl', tmp_path / 'whole.pkl'
    killed = convert_apart(
        folder, output, log=str(log), end_at='walk/p3', how='kill'
    )
    killed.wait()
    before = read_names(log)
    log.unlink()

    report = run(NotedSource(folder, log), output)

    assert killed.returncode == -9
    assert before == ['sit/p0', 'sit/p2', 'sit/p4', 'sit/p6', 'walk/p1']
    assert read_names(log) == ['walk/p3', 'walk/p5']
    assert report.reused == 5
    run(NotedSource(folder, log), whole)
    assert output.read_bytes() == whole.read_bytes()


def test_two_runs_do_not_make_one_output(folder, log, tmp_path):
    output = tmp_path / 'out.pkl'
    with only_one(output):
        with pytest.raises(ValueError, match=r'out\.pkl is being made'):
            run(NotedSource(folder, log), output)
        assert not log.exists()

    report = run(NotedSource(folder, log), output)

    assert report.converted == 7
    assert not (tmp_path / 'out.pkl.parts').exists()


def test_a_part_cut_off_by_a_crash_is_made_again(folder, log, tmp_path):
    output = tmp_path / 'out.pkl'
    interrupted(folder, log, output)
    part = sorted((tmp_path / 'out.pkl.parts').iterdir())[0]
    part.write_bytes(part.read_bytes()[:100])

    report = run(NotedSource(folder, log), output)

    assert report.reused == 4
    assert report.converted == 7


def test_a_killed_worker_loses_only_the_file_at_fault(folder, log, tmp_path):
    source = NotedSource(folder, log, 'sit/p4', 'kill')
    report = run(source, tmp_path / 'out.pkl', workers=2)

    assert report.converted == 6
    (skipped,) = report.skipped
    assert skipped.path.endswith('p4.npy')
    assert 'ended by the system, twice' in skipped.reason


def test_broken_files_are_reported_and_others_kept(folder, log, tmp_path):
    (folder / 'empty.npy').write_bytes(b'')
    (folder / 'notes.txt.bak').write_text('hello')
    np.save(folder / 'nan.npy', np.full((9, 5, 3), np.nan))
    np.save(folder / 'joints.npy', np.ones((9, 4, 3)))
    output = tmp_path / 'out.pkl'
    report = run(NotedSource(folder, log), output)

    assert report.converted == 7
    reasons = {Path(s.path).name: s.reason for s in report.skipped}
    assert set(reasons) == {
        'empty.npy',
        'notes.txt.bak',
        'nan.npy',
        'joints.npy',
    }
    assert 'NaN' in reasons['nan.npy']
    assert '4 joints, but 5' in reasons['joints.npy']
    written = json.loads((tmp_path / 'out.pkl.report.json').read_text())
    assert {Path(s['path']).name for s in written['skipped']} == set(reasons)


def test_a_dry_run_lists_and_writes_nothing(folder, log, tmp_path):
    (folder / 'sit' / 'empty.npy').write_bytes(b'')
    before = listing(tmp_path)
    source = NotedSource(folder, tmp_path / 'x', classes_from_folders=True)
    source.log = os.devnull
    report = run(source, tmp_path / 'out.pkl', dry_run=True)

    assert listing(tmp_path) == before
    assert len(report.listed) == report.converted == 7
    assert report.classes == [
        dict(name='sit', videos=4, segments=0),
        dict(name='walk', videos=3, segments=0),
    ]
    assert report.splits == dict(train=6, val=1)
    assert [Path(s.path).name for s in report.skipped] == ['empty.npy']


def test_bodies_that_differ_do_not_mix(folder, tmp_path):
    np.save(folder / 'coco.npy', np.ones((9, 17, 3)))
    for path in (folder / 'sit').iterdir():
        np.save(path, np.ones((9, 25, 3)))
    for path in (folder / 'walk').iterdir():
        path.unlink()
    report = run(FolderSource(folder), tmp_path / 'out.pkl', dict(layout=None))

    assert report.converted == 4
    (skipped,) = report.skipped
    assert (
        '17 joints with 3 coordinates (coco), most have 25' in skipped.reason
    )


@pytest.mark.parametrize('ending', ['pkl', 'safetensors'])
def test_scores_of_some_recordings_only_are_left_out(tmp_path, ending):
    folder, output = tmp_path / 'in', tmp_path / f'out.{ending}'
    folder.mkdir()
    header = 'frame,hip_x,hip_y,head_x,head_y'
    (folder / 'a.csv').write_text(
        f'{header},hip_score,head_score\n0,1,2,3,4,.5,.6\n1,1,2,3,4,.5,.7\n'
    )
    (folder / 'b.csv').write_text(f'{header}\n0,1,2,3,4\n1,1,2,3,5\n')
    layout = dict(joint_names=['hip', 'head'], parents=[-1, 0])
    report = run(FolderSource(folder), output, dict(layout=layout))

    data = open_annotation(output)
    validate_annotation(data, output)
    assert report.converted == 2
    assert not any('keypoint_score' in v for v in data['annotations'])
    assert report.notes == [
        (
            'a',
            'the scores of its joints are left out, others have none',
        )
    ]


def test_a_store_holds_what_the_pickle_holds(folder, log, tmp_path):
    source = NotedSource(folder, log, classes_from_folders=True)
    run(source, tmp_path / 'out.pkl')
    run(source, tmp_path / 'out.safetensors')

    data = load_annotation(tmp_path / 'out.pkl')
    store = SkeletonStore(tmp_path / 'out.safetensors')
    assert store.metainfo == data['metainfo']
    assert len(store) == 7
    for mine, other in zip(store, data['annotations']):
        np.testing.assert_array_equal(mine['keypoint'], other['keypoint'])
        assert mine['label'] == other['label']
        assert mine['frame_dir'] == other['frame_dir']


def test_values_that_half_precision_cannot_hold_are_reported(
    folder, log, tmp_path
):
    np.save(folder / 'far.npy', np.full((9, 5, 3), 1e5))
    report = run(
        NotedSource(folder, log), tmp_path / 'out.pkl', dtype='float16'
    )

    assert report.converted == 7
    assert 'do not fit into float16' in report.skipped[0].reason
    video = load_annotation(tmp_path / 'out.pkl')['annotations'][0]
    assert video['keypoint'].dtype == np.float16


def test_recordings_without_segments_are_left_out_of_untrimmed_data(
    folder, log, tmp_path
):
    table = tmp_path / 'labels.csv'
    rows = [f'p{n},b,{n},{n + 5}' for n in (0, 2, 4)]
    table.write_text('video,label,start_frame,end_frame\n' + '\n'.join(rows))
    source = NotedSource(folder, log, labels=table)
    report = run(source, tmp_path / 'out.pkl')

    assert report.converted == 3
    assert report.classes == [dict(name='b', videos=3, segments=3)]
    assert {s.reason for s in report.skipped} == {'it has no label'}


def test_a_full_disk_ends_the_run(folder, log, tmp_path):
    (tmp_path / 'out.pkl.parts').write_text('where the folder should be')

    with pytest.raises(OSError, match=r'out\.pkl\.parts'):
        run(NotedSource(folder, log), tmp_path / 'out.pkl')


def test_a_part_that_was_damaged_since_is_removed(folder, log, tmp_path):
    output = tmp_path / 'out.pkl'
    interrupted(folder, log, output)
    for part in (tmp_path / 'out.pkl.parts').iterdir():
        content = bytearray(part.read_bytes())
        content[600:700] = bytes(100)  # among the joints
        part.write_bytes(content)

    for _ in range(5):  # one after the other
        with pytest.raises(OSError, match=r'\.recording was damaged'):
            run(NotedSource(folder, log), output)

    assert run(NotedSource(folder, log), output).converted == 7


def test_a_name_tells_apart_all_that_matters(tmp_path):
    path, other = tmp_path / 'a.npy', tmp_path / 'labels.txt'
    path.write_bytes(b'12')
    other.write_bytes(b'1')

    def name(item=None, reading=None, **facts):
        source = FolderSource(tmp_path, reading=reading)
        work = Work(source, {}, wanted(**facts))
        return _part_name(work, item or Item('a', str(path)))

    with_labels = Item('a', str(path), {}, (str(other),))
    names = [
        name(),
        name(to_fps=30.0),
        name(fps=30.0),
        name(layout='coco'),
        name(of_one={'a': dict(up='z')}),
        name(reading=dict(drop=['x'])),
        name(Item('b', str(path))),
        name(Item('a', str(path), dict(segments=np.array([[2, 3]])))),
        name(with_labels),
    ]
    other.write_bytes(b'12')
    names.append(name(with_labels))
    path.write_bytes(b'123')
    names.append(name())

    assert len(set(names)) == len(names)
    assert name() == names[-1] == name(of_one={'b': dict(up='z')})


# In memory


def square(task):
    return task**2


def die_at(deadly, task):
    if task in deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return task**2


@pytest.mark.parametrize('workers', [0, 1, 2])
def test_only_a_deadly_task_is_lost(workers):
    deadly = (3,) if workers > 1 else ()
    results = dict(work_through(partial(die_at, deadly), range(13), workers))

    assert results == {n: Killed if n in deadly else n**2 for n in range(13)}


def refuse(task):
    raise OSError(f'no room for {task}')


@pytest.mark.parametrize('workers', [1, 2])
def test_errors_reach_the_caller(workers):
    with pytest.raises(OSError, match='no room'):
        dict(work_through(refuse, range(5), workers))


def test_a_caller_may_stop_before_the_end():
    with closing(work_through(square, range(1000), 2)) as results:
        index, result = next(results)

    assert result == index**2


def children_of(pid):
    found = []
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open(f'/proc/{name}/stat') as file:
                fields = file.read().rsplit(')', 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != 'Z':
            found.append(int(name))
    return found


def runs(pid):
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='needs /proc')
def test_workers_end_with_a_killed_parent(tmp_path):
    folder, log = write_folder(tmp_path / 'in'), tmp_path / 'log'
    parent = convert_apart(
        folder, tmp_path / 'o.pkl', 2, log=str(log), how='sleep'
    )
    limit = time.monotonic() + 30
    while not log.exists() and time.monotonic() < limit:
        time.sleep(0.05)
    workers = children_of(parent.pid)
    parent.kill()
    parent.wait()
    limit = time.monotonic() + 10
    while any(map(runs, workers)) and time.monotonic() < limit:
        time.sleep(0.05)

    assert len(workers) >= 2
    assert not any(map(runs, workers))
