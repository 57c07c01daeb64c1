"""The page itself: sources, data and policy in one text; its tables and looks.

Nothing that comes from a file becomes markup: all of it lies in JSON blocks,
where ``<`` is an escape sequence, and the scripts put it into the page as
text. The policy allows the one script and the one style sheet of this
package, by their hashes, and no request at all.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmsnip.evaluation.diagnosis import GOOD_IOU, NEAR_IOU

PAGE = Path(__file__).parent / 'page'
# A module stands behind those that it imports from.
SCRIPTS = (
    'dom.js', 'text.js', 'state.js', 'codec.js', 'looks.js', 'select.js',
    'filters.js', 'list.js', 'view.js', 'layers.js', 'timeline.js',
    'curves.js', 'camera.js', 'skeleton.js', 'player.js', 'segments.js',
    'metrics.js', 'keys.js', 'main.js',
)  # fmt: skip
STYLES = ('colors.css', 'layout.css', 'parts.css')
_IMPORT = re.compile(r'^import\s[^;]*?;\n', re.MULTILINE)
_EXPORT = re.compile(
    r'^export\s+(?=(async\s+function|function|const|class)\b)', re.MULTILINE
)
# The twelve of mmsnip.visualization.canvas, which needs no import of a
# drawing library here; a test holds the two together.
COLORS = (
    '#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00',
    '#8800FF', '#99BB66', '#552200', '#3333AA', '#BB55FF', '#333344',
)  # fmt: skip
_READS_DARK = {'#E69F00', '#56B4E9', '#99BB66'}
PATTERNS = ('plain', 'slant', 'dots', 'cross', 'lines', 'bars')
_NEAR = (
    f'IoU of at least {NEAR_IOU:g} or at least half of the prediction inside'
)
# Sign, name and definition of each kind of segment.
_KINDS = {
    'missed': ('M', 'missed', 'A true segment that no prediction is about, '
               'and that is not covered by half.'),
    'wrong_class': ('W', 'wrong class', 'A prediction whose nearest true '
                    f'segment ({_NEAR}) is of another class, or such a true '
                    'segment.'),
    'boundary': ('B', 'bad boundary', 'The right class near its true '
                 f'segment, alone there, but with an IoU under {GOOD_IOU:g}.'),
    'split': ('S', 'split', 'One true segment fell to several predictions of '
              'its class that do not touch: flicker.'),
    'false_alarm': ('F', 'false alarm', 'A prediction near no true segment.'),
    'double': ('D', 'double', 'A prediction that overlaps a better one of '
               'its class about the same true segment.'),
    'correct': ('✓', 'correct', 'The right class with an IoU of at least '
                f'{GOOD_IOU:g}, and the best such prediction.'),
    'found': ('✓', 'found', 'A true segment that a prediction is correct '
              'about.'),
}  # fmt: skip
KINDS = {
    key: dict(zip(('sign', 'name', 'text'), about))
    for key, about in _KINDS.items()
}
# Key and name, in the order of the table; percentages but for the last.
FRAME_KEYS = {
    'frame_accuracy': 'Frame accuracy',
    'frame_accuracy_action': 'Frame accuracy, action frames',
    'F1@10': 'F1@10',
    'F1@25': 'F1@25',
    'F1@50': 'F1@50',
    'edit': 'Edit score',
    'runs_per_segment': 'Runs per segment',
}


def make_page(document: Mapping[str, Any], blobs: Mapping[str, str]) -> str:
    """The whole page; ``blobs`` are base64 by id of their element."""
    # modules as one: imports among them and the word export go
    script = '\n'.join(
        _EXPORT.sub('', _IMPORT.sub('', _source(name))) for name in SCRIPTS
    )
    style = '\n'.join(_source(name) for name in STYLES)
    policy = [
        "default-src 'none'",
        f"script-src '{_digest(script)}'",
        f"style-src '{_digest(style)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    title = str(document['title']).encode('utf-8', 'replace').decode()
    parts = {
        'policy': html.escape('; '.join(policy)),
        'title': html.escape(title),
        'style': style,
        'script': script,
        'data': safe_json(document),
        'blobs': '\n'.join(
            f'<script type="text/plain" id="{key}">{text}</script>'
            for key, text in blobs.items()
        ),
    }
    # one pass, so that no part is searched for the marks of others
    source = _source('page.html')
    return re.sub(r'\{\{(\w+)\}\}', lambda m: parts[m[1]], source)


def safe_json(value: Any) -> str:
    """JSON that cannot end the script element it lies in."""
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(',', ':')
    )
    # and half of a surrogate pair, which no encoding can write
    unsafe = '[<>&\u2028\u2029\ud800-\udfff]'
    return re.sub(unsafe, lambda m: f'\\u{ord(m[0]):04x}', text)


def _source(name: str) -> str:
    return (PAGE / name).read_text(encoding='utf-8')


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode('utf-8')).digest()
    return f'sha256-{base64.b64encode(digest).decode("ascii")}'


def class_looks(num_classes: int) -> list[dict[str, Any]]:
    """Colour, pattern and ink of each class, by its index alone."""
    looks = []
    for index in range(num_classes):
        color = COLORS[index % len(COLORS)]
        cycle = (index // len(COLORS)) % len(PATTERNS)
        ink = '#1A1A1A' if color in _READS_DARK else '#FFFFFF'
        looks.append(dict(color=color, ink=ink, pattern=PATTERNS[cycle]))
    return looks


def metric_tables(
    metrics: Mapping[str, float], classes: Sequence[str]
) -> dict[str, Any]:
    """Sort metrics into tables; NaN becomes None."""
    tables: dict[str, dict[str, Any]] = {}
    others = []
    index = {name: label for label, name in enumerate(classes)}
    for key, value in metrics.items():
        if key in FRAME_KEYS:
            continue
        before, _, rest = key.partition('/')
        head, _, tail = rest.partition('@')
        table = tables.setdefault(before, dict(mean=None, maps={}, aps={}))
        iou, _, name = tail.partition('/')
        if rest == 'mAP':
            table['mean'] = _plain(value)
        elif head == 'mAP' and not name:
            table['maps'][iou] = _plain(value)
        elif head == 'AP' and name in index:
            table['aps'].setdefault(index[name], {})[iou] = _plain(value)
        else:
            others.append([key, _plain(value)])
    proposals = []
    for name, table in tables.items():
        maps, aps = table['maps'], table['aps']
        ious = sorted({*maps, *(iou for row in aps.values() for iou in row)})
        if not ious and table['mean'] is None:
            continue
        rows = [
            [label, [row.get(iou) for iou in ious]]
            for label, row in sorted(aps.items())
        ]
        about = dict(name=name, ious=ious, mean=table['mean'], classes=rows)
        proposals.append({**about, 'maps': [maps.get(iou) for iou in ious]})
    frames = [
        [key, name, _plain(metrics[key])]
        for key, name in FRAME_KEYS.items()
        if key in metrics
    ]
    return dict(proposals=proposals, frames=frames, others=others)


def _plain(value: float) -> float | None:
    value = float(value)
    return round(value, 6) if math.isfinite(value) else None
