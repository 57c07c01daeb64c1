"""Where an AMASS motion lies, under any of the names that AMASS had for it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from mmsnip.io.reading import safe_name

__all__ = ['AMASS_FOLDERS', 'data_set_of', 'find_motion']

# Data sets by their first name, which BABEL uses, and AMASS's later ones.
AMASS_FOLDERS = {
    'BioMotionLab_NTroje': ('BMLrub',),
    'DFaust_67': ('DFaust', 'DFaust67'),
    'Eyes_Japan_Dataset': ('EyesJapanDataset',),
    'MPI_HDM05': ('HDM05', 'MPIHDM05'),
    'MPI_Limits': ('PosePrior', 'MPILimits'),
    'MPI_mosh': ('MoSh', 'MPImosh'),
    'SSM_synced': ('SSM', 'SSMsynced'),
    'TCD_handMocap': ('TCDHands', 'TCDhandMocap'),
    'Transitions_mocap': ('Transitions', 'Transitionsmocap'),
}


def data_set_of(feat_p: str) -> str:
    """Data set that a motion belongs to.

    Args:
        feat_p (str): As BABEL names it: archive, data set, subject, motion;
            or without the archive.

    Returns:
        str: Its folder.

    Examples:
        >>> data_set_of('BMLrub/BioMotionLab_NTroje/rub001/0000_walk.npz')
        'BioMotionLab_NTroje'
    """
    parts = PurePosixPath(feat_p).parts
    return parts[1 if len(parts) > 3 else 0] if parts else ''


def find_motion(
    root: str | os.PathLike[str],
    feat_p: str,
    endings: tuple[str, ...] = ('.npz',),
) -> Path | None:
    """The file of a motion, under any of the names that AMASS had for it.

    Args:
        root (str | os.PathLike[str]): Folder of the data sets, or of the
            archives that they came in.
        feat_p (str): BABEL's name, see `mmsnip.io.babel.BabelSequence`.
        endings (tuple[str, ...]): Endings, in the order of preference.

    Returns:
        Path | None: The file; None if there is none.

    Raises:
        SequenceError: If the name would leave the folder.
    """
    parts = PurePosixPath(safe_name(feat_p, 'feat_p')).parts
    if len(parts) < 2:
        return None
    place = 1 if len(parts) > 3 else 0  # behind the archive
    names = {
        name: (first, *later)
        for first, later in AMASS_FOLDERS.items()
        for name in (first, *later)
    }
    data_sets = dict.fromkeys((parts[place], *names.get(parts[place], ())))
    archives = dict.fromkeys(('', parts[0], *data_sets))
    tail = PurePosixPath(*parts[place + 1 :])
    for ending in endings:
        for archive in archives:
            for data_set in data_sets:
                path = Path(root, archive, data_set, tail.with_suffix(ending))
                try:
                    if path.is_file():
                        return path
                except OSError:  # a name that is too long
                    return None
    return None
