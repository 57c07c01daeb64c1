"""What joint names say: sides, the spine, the part of the body.

The one home of how a joint's name is read. Tools write the same joint as
``LeftArm``, ``Bip01 L UpperArm``, ``lShldr``, ``J_Bip_L_UpperArm`` or
``l_arm_JNT``: what (almost) all names of a body share is left out first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_WORD = re.compile(r'[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+')
_SIDES = {'left': 0, 'l': 0, 'right': 1, 'r': 1}
_GLUED = ('left', 'right', 'l', 'r')
_SHARED = 0.6  # share of the names that have a word, which says nothing then
_BODY = {  # words that say something even if all names have them
    *('hand', 'foot', 'arm', 'leg', 'head', 'spine', 'hip', 'shoulder'),
    *('finger', 'thumb', 'eye', 'toe', 'knee', 'elbow', 'wrist', 'ankle'),
}
_BOTTOM = (
    *('spinebase', 'baseofspine', 'hipcenter', 'hips', 'pelvis', 'midhip'),
    *('hip', 'root'),
)
_TOP = (
    *('spinemid', 'middleofspine', 'spine', 'spine1', 'torso', 'chest'),
    *('spine2', 'spine3', 'spineshoulder', 'thorax', 'neck'),
)
_HIP = ('hip', 'upperleg', 'upleg', 'thigh', 'femur')
_SHOULDER = (
    *('shoulder', 'upperarm', 'uparm', 'arm', 'sho', 'shldr', 'humerus'),
    *('collar', 'clavicle', *_HIP),
)


def plain_name(name: str) -> str:
    """``mixamorig:Left_Arm`` -> ``leftarm``."""
    return re.sub(r'[\W_]', '', name.rsplit(':', 1)[-1]).lower()


def name_words(name: str) -> list[str]:
    """``mixamorig:LeftArm_02`` -> ``['left', 'arm', '2']``."""
    words = _WORD.findall(str(name).rsplit(':', 1)[-1])
    return [w.lstrip('0') or '0' if w.isdigit() else w.lower() for w in words]


def _sided(words: list[str]) -> tuple[int | None, str]:
    place = next((i for i, word in enumerate(words) if word in _SIDES), None)
    if place is None:
        return None, ''.join(w for w in words if w != 'c')
    return _SIDES[words[place]], ''.join(words[:place] + words[place + 1 :])


@lru_cache(maxsize=256)
def split_sides(
    joint_names: tuple[str, ...],
) -> tuple[tuple[int | None, str], ...]:
    """Side and rest of the name of each joint, without what all share."""
    words = [name_words(name) for name in joint_names]
    for end in (0, -1):
        while len(words) > 2:
            ends = [w[end] for w in words if w]
            word = max(ends, key=ends.count, default='')
            said = word in _SIDES or word in _BODY or word.isdigit()
            if said and not (word.isdigit() and ends.count(word) == len(ends)):
                break
            if ends.count(word) <= max(_SHARED * len(words), 2):
                break
            for own in words:
                if own and own[end] == word:
                    del own[end]
    return tuple(_sided(own or ['root']) for own in words)


def mirror_pairs(joint_names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Pairs of joints that a mirror exchanges, read from their names."""
    found: tuple[dict[str, int], dict[str, int]] = ({}, {})
    plain = {}
    for index, (side, rest) in enumerate(split_sides(_as_text(joint_names))):
        if side is None:
            plain[rest] = index
        else:
            found[side].setdefault(rest, index)
    pairs = [(i, found[1][k]) for k, i in found[0].items() if k in found[1]]
    taken: set[int] = set()
    for left, right in (('left', 'right'), ('l', 'r')):
        for rest, index in plain.items():
            options = []
            if rest.startswith(left):
                options.append(right + rest[len(left) :])
            if rest.endswith(left):
                options.append(rest[: -len(left)] + right)
            for other in options:
                partner = plain.get(other)
                if partner is not None and not {index, partner} & taken:
                    pairs.append((index, partner))
                    taken |= {index, partner}
    return tuple(sorted(pairs))


def _as_text(joint_names: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(str, joint_names))


def find_spine(
    joint_names: Sequence[str], root: int
) -> tuple[int, int] | None:
    """(bottom, top) of a vertical bone of the trunk, None if no name fits."""
    plain: dict[str, int] = {}
    for index, (side, rest) in enumerate(split_sides(_as_text(joint_names))):
        if side is None:
            plain.setdefault(rest, index)
    bottom = next((plain[n] for n in _BOTTOM if n in plain), root)
    tops = (plain[n] for n in _TOP if plain.get(n, bottom) != bottom)
    top = next(tops, None)
    return None if top is None else (bottom, top)


def find_shoulders(
    joint_names: Sequence[str], pairs: Sequence[tuple[int, int]]
) -> tuple[int, int] | None:
    """(right, left) of the (left, right) `pairs`: shoulders, else hips."""
    return _find_pair(joint_names, pairs, _SHOULDER)


def find_hips(
    joint_names: Sequence[str], pairs: Sequence[tuple[int, int]]
) -> tuple[int, int] | None:
    """(right, left) hip of the (left, right) `pairs`."""
    return _find_pair(joint_names, pairs, _HIP)


def _find_pair(
    joint_names: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    words: Sequence[str],
) -> tuple[int, int] | None:
    by_part: dict[str, tuple[int, int]] = {}
    names = split_sides(_as_text(joint_names))
    for left, right in pairs:
        part = names[left][1]
        for glued in _GLUED:
            if part.startswith(glued) and part[len(glued) :] in words:
                part = part[len(glued) :]
        by_part.setdefault(part, (right, left))
    return next((by_part[n] for n in words if n in by_part), None)


Part = tuple[int, str]  # side: 0 left, 1 right, -1 in the middle

_MIDDLE_WORDS = {
    'pelvis': (
        *('pelvis', 'hips', 'hip', 'root', 'midhip', 'hipcenter'),
        *('centerhip', 'hipscenter', 'spinebase', 'baseofspine'),
    ),
    'spine_mid': (
        *('spinemid', 'middleofspine', 'spine', 'torso', 'spinenavel'),
        *('abdomen', 'lowerback'),
    ),
    'chest': ('chest', 'spinechest', 'upperback'),
    'thorax': (
        *('thorax', 'spineshoulder', 'shouldercenter', 'centershoulder'),
        *('midshoulder', 'neckbase'),
    ),
    'neck': ('neck', 'neck1', 'upperneck', 'lowerneck'),
    'head': ('head', 'skull'),
    'head_top': ('headtop', 'topofhead', 'headend', 'headtopend', 'headnub'),
    'nose': ('nose',),
}
_SIDED_WORDS = {
    'collar': ('collar', 'clavicle'),
    'shoulder': (
        *('shoulder', 'sho', 'arm', 'upperarm', 'uparm', 'shldr'),
        'humerus',
    ),
    'elbow': ('elbow', 'forearm', 'lowerarm', 'loarm', 'radius'),
    'wrist': ('wrist',),
    'hand': ('hand',),
    'hand_tip': ('handtip',),
    'thumb': ('thumb', 'finger0'),
    'index': ('index', 'indexfinger'),
    'pinky': ('pinky', 'pinkyfinger'),
    'hip': ('hip', 'thigh', 'upperleg', 'upleg', 'femur'),
    'knee': ('knee', 'leg', 'lowerleg', 'loleg', 'calf', 'shin', 'tibia'),
    'ankle': ('ankle',),
    'foot': ('foot', 'toe', 'toes', 'toebase', 'toe0', 'ball', 'footend'),
    'big_toe': ('bigtoe', 'footindex'),
    'small_toe': ('smalltoe',),
    'heel': ('heel',),
    'eye': ('eye',),
    'eye_inner': ('eyeinner',),
    'eye_outer': ('eyeouter',),
    'ear': ('ear',),
    'mouth': ('mouth',),
}
SIDED = frozenset(_SIDED_WORDS)
_MIDDLE_PARTS = {w: part for part, ws in _MIDDLE_WORDS.items() for w in ws}
_SIDED_PARTS = {w: part for part, ws in _SIDED_WORDS.items() for w in ws}
_ARMS = {'arm', 'upperarm', 'uparm', 'shldr', 'humerus'}
_TOES = {'toe', 'toes', 'toebase', 'toe0', 'ball', 'footend'}


def joint_parts(joint_names: Sequence[str]) -> tuple[Part | None, ...]:
    """Part of the body that each joint is."""
    words = _side_words(joint_names)
    sided = {word for side, word in words if side >= 0}
    middle = {word for side, word in words if side < 0}
    own = dict(_SIDED_PARTS)
    if sided & _ARMS:
        own['shoulder'] = own['sho'] = 'collar'
    if 'wrist' not in sided:
        own['hand'] = 'wrist'
    if 'ankle' not in sided and 'foot' in sided:
        own['foot'] = 'ankle'
    elif 'foot' in sided:
        own.update(dict.fromkeys(_TOES, 'big_toe'))
    center = dict(_MIDDLE_PARTS)
    if 'nose' in middle and 'eye' in sided:
        center['neck'] = 'thorax'
    if 'thorax' in middle:
        center['neckbase'] = 'neck'
    if middle & set(_MIDDLE_WORDS['pelvis']) - {'root'}:
        del center['root']
    if 'spine' in middle:
        center['lowerback'] = center['abdomen'] = ''
        center['spine2' if 'spine2' in middle else 'spine1'] = 'chest'
    else:
        center.update(spine1='spine_mid', spine2='chest', spine3='thorax')
    taken: set[Part] = set()
    parts: list[Part | None] = []
    for side, word in words:
        name = (own if side >= 0 else center).get(word)
        part = (side, name) if name else None
        parts.append(None if part in taken else part)
        if part is not None:
            taken.add(part)
    return tuple(parts)


def _side_words(joint_names: Sequence[str]) -> list[tuple[int, str]]:
    """Side (-1 where none) and glued words of each name."""
    named = split_sides(tuple(map(str, joint_names)))
    words = [(-1 if side is None else side, word) for side, word in named]
    for pair in mirror_pairs(joint_names):
        for side, joint in enumerate(pair):
            if words[joint][0] < 0:  # glued, as in lhand or armright
                word = words[joint][1]
                ends = (('left', 'l'), ('right', 'r'))[side]
                stems = [word[len(e) :] for e in ends if word.startswith(e)]
                stems += [word[: -len(e)] for e in ends if word.endswith(e)]
                known = [stem for stem in stems if stem in _SIDED_PARTS]
                words[joint] = (side, (known or stems)[0])
    return words
