"""Give foreign bytes to a reader of labels, whole or mutated."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from mmsnip.structures import DataError

WORDS = ['nan', '-1', '1e400', '9' * 40, 'inf', '', '"', '\x00', '☃', '3.5']


def labels_or_refuse(read, content, name):
    """Any other error than `DataError` leaves this function."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        try:
            labels = read(path)
        except DataError as error:
            if str(path) not in str(error):
                raise AssertionError(f'no file in {error}') from error
            return None
    check_label_set(labels)
    return labels


def check_label_set(labels):
    """What every reader promises."""
    assert labels.videos
    for video, one in labels.videos.items():
        assert one.video == video
        assert one.unit == labels.unit
        assert one.segments.shape == (len(one.names), 2)
        assert one.segments.dtype == np.float64
        assert np.isfinite(one.segments).all()
        assert (one.segments >= 0).all()
        assert (one.segments[:, 0] < one.segments[:, 1]).all()
        assert set(one.names) <= set(labels.classes)
    assert len(set(labels.classes)) == len(labels.classes)
    for part in labels.splits.values():
        assert set(part) <= set(labels.videos)


def mutated(text, parting=b'\n'):
    """Bytes of a text with parts deleted, doubled, cut or replaced."""

    @st.composite
    def draw_bytes(draw):
        parts = text.encode().split(parting)
        for _ in range(draw(st.integers(1, 3))):
            place = draw(st.integers(0, len(parts) - 1))
            deed = draw(
                st.sampled_from(['delete', 'double', 'cut', 'word', 'bytes'])
            )
            part = parts[place]
            if deed == 'delete' and len(parts) > 1:
                del parts[place]
            elif deed == 'double':
                parts.insert(place, part)
            elif deed == 'cut':
                parts[place] = part[: draw(st.integers(0, len(part)))]
            else:
                start = draw(st.integers(0, len(part)))
                end = draw(st.integers(start, min(len(part), start + 6)))
                new = draw(
                    st.sampled_from(WORDS).map(str.encode)
                    if deed == 'word'
                    else st.binary(max_size=4)
                )
                parts[place] = part[:start] + new + part[end:]
        return parting.join(parts)

    return draw_bytes()
