"""What the rooms hand each other: recordings, segments, scores, errors."""

from mmsnip.structures.errors import DataError, is_int, is_rate, show
from mmsnip.structures.recording import Note, Recording
from mmsnip.structures.scores import Scores
from mmsnip.structures.segments import Segments, frames_of, seconds_of

__all__ = [
    'DataError',
    'Note',
    'Recording',
    'Scores',
    'Segments',
    'frames_of',
    'is_int',
    'is_rate',
    'seconds_of',
    'show',
]
