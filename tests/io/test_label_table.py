from __future__ import annotations

import pytest

from mmsnip.io.labels.table import read_label_table
from mmsnip.structures import DataError

TABLE = 'video,label,start_s,end_s,split\nv1,wave,0.5,2,train\nv2,,,,val\n'


@pytest.fixture
def read(tmp_path):
    def read_text(text, **options):
        path = tmp_path / 'labels.csv'
        path.write_bytes(text.encode())
        return read_label_table(path, **options)

    return read_text


def triples(labels):
    return [
        (video, name, *segment)
        for video, one in labels.videos.items()
        for name, segment in zip(one.names, one.segments.tolist())
    ]


def test_a_header_names_the_columns_in_any_order(read):
    labels = read(
        'end_frame,note,label,video,start_frame\n'
        '9,x,"sit, then stand",b,4\n\n4,,wave,a/1,0\n'
    )

    assert labels.unit == 'frames'
    assert triples(labels) == [
        ('b', 'sit, then stand', 4, 9),
        ('a/1', 'wave', 0, 4),
    ]
    assert labels.classes == ['sit, then stand', 'wave']
    assert labels.mended == []


@pytest.mark.parametrize(
    ('header', 'unit', 'expected'),
    [
        ('Video,Label,Start (s),End (s)', None, (8, 's')),
        ('video_id,action,startFrame,endFrame', None, (8, 'frames')),
        ('video,class,frame_start,frame_end', None, (8, 'frames')),
        ('file,label,start_sec,stop_sec', None, (8, 's')),
        ('video,label,start_ms,end_ms', None, (0.008, 's')),
        ('video,label,start,end', 'frames', (8, 'frames')),
        ('video,label,start_time,end_time', 's', (8, 's')),
        ('video,label,begin,end', 'ms', (0.008, 's')),
    ],
)
def test_the_unit_comes_from_the_names_or_the_argument(
    read, header, unit, expected
):
    labels = read(f'{header}\nv,wave,3,8\n', unit=unit)

    assert (triples(labels)[0][3], labels.unit) == expected


def test_an_argument_chooses_between_two_pairs_of_columns(read):
    text = (
        'video,label,start_frame,end_frame,start_s,end_s\nv,wave,30,60,1,2\n'
    )

    assert triples(read(text, unit='s')) == [('v', 'wave', 1, 2)]
    assert triples(read(text, unit='frames')) == [('v', 'wave', 30, 60)]
    with pytest.raises(DataError, match=r'say 2 units.*--labels-unit'):
        read(text)


@pytest.mark.parametrize('delimiter', ['\t', ';', ',', '|', '  ', ', '])
@pytest.mark.parametrize('header', [True, False])
def test_delimiters_and_a_missing_header_do_not_matter(
    read, delimiter, header
):
    rows = [['v1', 'wave', '1.5', '2'], ['v2', 'sit', '0', '9.25']]
    rows = [['video', 'label', 'start', 'end'], *rows] if header else rows
    text = '\r\n'.join(delimiter.join(row) for row in rows)

    labels = read(text, unit='s')

    assert triples(labels) == [('v1', 'wave', 1.5, 2), ('v2', 'sit', 0, 9.25)]
    # A decimal comma is read beside another delimiter.
    comma = read('video;label;start_s;end_s\nv,1;wave;1,5;2\n')
    assert triples(comma) == [('v,1', 'wave', 1.5, 2)]


def test_splits_and_videos_without_a_segment_are_kept(read):
    labels = read(TABLE)

    assert labels.splits == dict(train=['v1'], val=['v2'])
    assert labels.videos['v2'].segments.shape == (0, 2)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('video,label,start,end\nv,a,1,2\n', r'line 1: .* say no unit; say'),
        ('v,a,1,2\n', r'line 1: no header says .* say the unit'),
        ('v,a,b,c\n', r"line 1: 'v,a,b,c' is neither a header"),
        ('video,label,starts,ends\nv,wave,3,8\n', 'line 1: .* is neither'),
        ('clip,what,t0,t1\nv,wave,a,b\n', 'media_file_name.*onset.*_frame'),
        (TABLE + 'v3,wave,1\n', 'line 4: found 3 cells, expected at least 5'),
        (TABLE + 'v3,wave,1,x,\n', "line 4: 'x' is no number"),
        (TABLE + 'v3,wave,nan,2,\n', "line 4: 'nan' is no number"),
        (TABLE + 'v3,,1,2,\n', "line 4: '' is no label"),
        (TABLE + '../..,a,1,2,\n', "line 4: '..' cannot name"),
        (TABLE + 'v1,a,5,6,val\n', "line 4: video 'v1' is in 'val', but in"),
        ('video,video,label,start_s,end_s\n', "2 columns are named 'video'"),
        (
            'video,label,start_frame,end_frame\nv,a,1,2.5\n',
            r"line 2: '2\.5' is no whole frame",
        ),
        ('video,label,start_s,end_s\n', 'has no video'),
    ],
)
def test_a_table_that_is_not_clear_is_refused_by_line(read, text, message):
    with pytest.raises(DataError, match=rf'labels\.csv.*{message}'):
        read(text)


def test_a_unit_that_the_columns_contradict_is_refused(read):
    with pytest.raises(DataError, match=r"in \['s'\], not in 'frames'"):
        read(TABLE, unit='frames')
    with pytest.raises(ValueError, match="unit='min' is unknown"):
        read(TABLE, unit='min')


def test_clock_times_are_seconds_and_need_no_unit(read):
    text = 'video,label,start,end\nv,wave,00:00:00.500,01:00:01\n'
    text += 'v,sit,1:02,62.5\n'

    assert triples(read(text)) == [
        ('v', 'wave', 0.5, 3601),
        ('v', 'sit', 62, 62.5),
    ]
    assert triples(read('v,wave,0:01,0:02.5\n')) == [('v', 'wave', 1, 2.5)]
    with pytest.raises(DataError, match="'0:01' is no whole frame"):
        read('v,wave,0:01,0:02\n', unit='frames')


@pytest.mark.parametrize(
    ('cell', 'video'),
    [
        ('C:\\data\\take.mp4', 'take.mp4'),
        ('/mnt/data/take.mp4', 'take.mp4'),
        ('../take', 'take'),
        ('file:///home/me/take.avi', 'take.avi'),
        ('walk/take.mp4', 'walk/take.mp4'),
        ('راه\u200cرفتن', 'راه\u200cرفتن'),
        ('Bildschirm\u202f10.mov', 'Bildschirm\u202f10.mov'),
    ],
)
def test_the_last_part_of_an_absolute_path_is_the_video(read, cell, video):
    labels = read(f'file;label;start_s;end_s\n{cell};a\u00a0b;0;1\n')

    assert triples(labels) == [(video, 'a\u00a0b', 0, 1)]
    with pytest.raises(DataError, match=r'line 3: .* are called'):
        read('file,label,start_s,end_s\n/a/v,x,0,1\n/b/v,x,0,1\n')


NO_ACTION = (
    'video,label,start_s,end_s\n'
    'take,background,0,0.5\ntake,walk,0.5,1.5\ntake,None,1.5,2\n'
)


def test_rows_called_as_if_they_were_no_action_are_pointed_out(read):
    labels = read(NO_ACTION)

    assert labels.classes == ['background', 'walk', 'None']
    assert labels.mended == [
        "among the classes is 'background' (1 rows), 'None' (1 rows); if "
        'that is no action, leave it out with --background background None'
    ]
    labels = read(NO_ACTION, background=['background', 'None', 'SIL'])
    assert labels.classes == ['walk']
    assert triples(labels) == [('take', 'walk', 0.5, 1.5)]
    assert labels.mended == ["no row is called 'SIL', as background is said"]


def test_aggregated_events_of_boris_are_read(read):
    labels = read(
        'Observation id,Observation date,Description,Media duration (s),'
        'Subject,Behavior,Behavioral category,Behavior type,Start (s),'
        'Stop (s),Duration (s),Media file name,Comment start,Comment stop\n'
        'obs 1,2024-01-01 10:30:00,,60,hen,peck,,STATE,1.5,2.25,0.75,'
        '/home/a/take1.mp4,,\n'
        'obs 1,2024-01-01 10:30:00,,60,hen,call,,POINT,3,3,0,'
        '/home/a/take1.mp4,,\n'
        'obs 1,2024-01-01 10:30:00,,60,hen,walk,,STATE,5,NA,NA,'
        '/home/a/take1.mp4,,\n'
    )

    assert labels.unit == 's'
    assert triples(labels) == [('take1.mp4', 'peck', 1.5, 2.25)]
    assert [note.split(':')[0] for note in labels.mended] == [
        'line 4',
        'line 3',
    ]


@pytest.mark.parametrize('above', ['', 'Observation id\tobs 1\n\nx\t#1\n'])
def test_tabular_events_of_boris_are_paired(read, above):
    labels = read(
        above + 'Time\tMedia file path\tTotal length\tFPS\tSubject\tBehavior\t'
        'Behavioral category\tComment\tStatus\n'
        '1.5\tC:\\a\\take1.mp4\t60\t25\then\tpeck\t\t\tSTART\n'
        '2.0\tC:\\a\\take1.mp4\t60\t25\tcock\tpeck\t\t\tSTART\n'
        '2.5\tC:\\a\\take1.mp4\t60\t25\then\tpeck\t\t\tSTOP\n'
        '2.6\tC:\\a\\take1.mp4\t60\t25\then\tcall\t\t\tPOINT\n'
        '2.7\tC:\\a\\take1.mp4\t60\t25\then\tcall\t\t\tSTOP\n'
        '4.0\tC:\\a\\take1.mp4\t60\t25\tcock\tpeck\t\t\tSTOP\n'
        '5.0\tC:\\a\\take1.mp4\t60\t25\tcock\twalk\t\t\tSTART\n'
    )

    assert triples(labels) == [
        ('take1.mp4', 'peck', 1.5, 2.5),
        ('take1.mp4', 'peck', 2.0, 4.0),
    ]
    notes = ' | '.join(labels.mended)
    for text in ('a point', 'never started', 'never stops', 'overlaps'):
        assert text in notes
