"""Recordings of any format: `read` a file, or a folder of frames."""

# Each module registers its formats; the table shows them in this order.
from mmsnip.io.formats import (  # noqa: F401
    arrays,
    bvh,
    csv_table,
    deeplabcut,
    freemocap,
    motive,
    ntu,
    pkummd,
    pose_json,
    trc,
    ultralytics,
    vicon,
)
from mmsnip.io.formats.registry import (
    FORMATS,
    READERS,
    formats_table,
    group_frames,
    read,
    reader,
)

__all__ = [
    'FORMATS',
    'READERS',
    'formats_table',
    'group_frames',
    'read',
    'reader',
]
