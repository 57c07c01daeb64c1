"""Which part of the body a joint is, whatever its data set calls it."""

from __future__ import annotations

from collections.abc import Sequence

from mmsnip.skeleton.naming import mirror_pairs, split_sides

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
_MIDDLE = {w: part for part, ws in _MIDDLE_WORDS.items() for w in ws}
_SIDE = {w: part for part, ws in _SIDED_WORDS.items() for w in ws}
_ARMS = {'arm', 'upperarm', 'uparm', 'shldr', 'humerus'}
_TOES = {'toe', 'toes', 'toebase', 'toe0', 'ball', 'footend'}


def joint_parts(joint_names: Sequence[str]) -> tuple[Part | None, ...]:
    """Part of the body that each joint is."""
    words = _side_words(joint_names)
    sided = {word for side, word in words if side >= 0}
    middle = {word for side, word in words if side < 0}
    own = dict(_SIDE)
    if sided & _ARMS:
        own['shoulder'] = own['sho'] = 'collar'
    if 'wrist' not in sided:
        own['hand'] = 'wrist'
    if 'ankle' not in sided and 'foot' in sided:
        own['foot'] = 'ankle'
    elif 'foot' in sided:
        own.update(dict.fromkeys(_TOES, 'big_toe'))
    center = dict(_MIDDLE)
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
                known = [stem for stem in stems if stem in _SIDE]
                words[joint] = (side, (known or stems)[0])
    return words
