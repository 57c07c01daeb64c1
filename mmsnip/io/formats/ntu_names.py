"""Names of NTU RGB+D and PKU-MMD: recordings, lists, classes, splits."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from mmsnip.structures import DataError
from mmsnip.structures.files import read_text, safe_name

__all__ = ['NTU_CLASSES', 'NTUName', 'ntu_name', 'read_name_list', 'stem']

MAX_TEXT = 2**24
_NAME = re.compile(r'S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})', re.ASCII)

# A001 to A120 as the data set's readme titles them; the first 60 are those
# of NTU RGB+D 60.
_TEXT = """
drink water; eat meal/snack; brushing teeth; brushing hair; drop; pickup;
throw; sitting down; standing up (from sitting position); clapping; reading;
writing; tear up paper; wear jacket; take off jacket; wear a shoe; take off a
shoe; wear on glasses; take off glasses; put on a hat/cap; take off a
hat/cap; cheer up; hand waving; kicking something; put something inside
pocket / take out something from pocket; hopping (one foot jumping); jump up;
make a phone call/answer phone; playing with phone/tablet; typing on a
keyboard; pointing to something with finger; taking a selfie; check time
(from watch); rub two hands together; nod head/bow; shake head; wipe face;
salute; put the palms together; cross hands in front (say stop);
sneeze/cough; staggering; falling; touch head (headache); touch chest
(stomachache/heart pain); touch back (backache); touch neck (neckache);
nausea or vomiting condition; use a fan (with hand or paper)/feeling warm;
punching/slapping other person; kicking other person; pushing other person;
pat on back of other person; point finger at the other person; hugging other
person; giving something to other person; touch other person's pocket;
handshaking; walking towards each other; walking apart from each other; put
on headphone; take off headphone; shoot at the basket; bounce ball; tennis
bat swing; juggling table tennis balls; hush (quiet); flick hair; thumb up;
thumb down; make ok sign; make victory sign; staple book; counting money;
cutting nails; cutting paper (using scissors); snapping fingers; open bottle;
sniff (smell); squat down; toss a coin; fold paper; ball up paper; play magic
cube; apply cream on face; apply cream on hand back; put on bag; take off
bag; put something into a bag; take something out of a bag; open a box; move
heavy objects; shake fist; throw up cap/hat; hands up (both hands); cross
arms; arm circles; arm swings; running on the spot; butt kicks (kick
backward); cross toe touch; side kick; yawn; stretch oneself; blow nose; hit
other person with something; wield knife towards other person; knock over
other person (hit with body); grab other person's stuff; shoot at other
person with a gun; step on foot; high-five; cheers and drink; carry something
with other person; take a photo of other person; follow other person; whisper
in other person's ear; exchange things with other person; support somebody
with one's hand; finger-guessing game (playing rock-paper-scissors)
"""
NTU_CLASSES = tuple(re.sub(r'\s+', ' ', _TEXT).strip().split('; '))


@dataclass(frozen=True)
class NTUName:
    """What the name of an NTU RGB+D recording says; all count from 1."""

    setup: int
    camera: int
    performer: int
    replication: int
    action: int


_LIMITS = {
    'setup': 32,
    'camera': 3,
    'performer': 106,
    'replication': 2,
    'action': 120,
}


def ntu_name(name: str) -> NTUName:
    """Read a name ``SsssCcccPpppRrrrAaaa``."""
    match = _NAME.fullmatch(stem(name))
    if match is None:
        raise DataError(
            f'{name[:80]!r} is no name of NTU RGB+D; expected '
            'SsssCcccPpppRrrrAaaa, such as S001C002P003R002A013'
        )
    numbers = [int(group) for group in match.groups()]
    for (key, limit), number in zip(_LIMITS.items(), numbers):
        if not 1 <= number <= limit:
            raise DataError(
                f'{name[:80]!r} has {key} {number}; expected 1 to {limit}'
            )
    return NTUName(*numbers)


def stem(name: str) -> str:
    """Name of a file without folders and endings."""
    return re.split(r'[/\\]', name)[-1].split('.')[0]


def read_name_list(path: str | os.PathLike[str]) -> list[str]:
    """Names of a list such as NTU's samples with missing skeletons.

    One name a line; blank lines are skipped, and so are lines of prose (of
    more than one word) above the first name. An ending ``.skeleton`` is
    taken off.
    """
    names: dict[str, None] = {}
    for number, line in enumerate(
        read_text(path, MAX_TEXT).split('\n'), start=1
    ):
        words = line.split()
        if not words or (len(words) > 1 and not names):
            continue
        if len(words) > 1:
            raise DataError(
                f'{path}, line {number}: found {line.strip()[:40]!r}, '
                'expected one name a line'
            )
        name = words[0]
        if name.endswith('.skeleton'):
            name = name[: -len('.skeleton')]
        names[safe_name(name, f'{path}, line {number}')] = None
    if not names:
        raise DataError(f'{path} holds no name; expected one a line')
    return list(names)
