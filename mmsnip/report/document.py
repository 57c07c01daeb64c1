"""The page itself: sources, data and policy in one text.

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
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ['SCRIPTS', 'join_modules', 'make_page', 'safe_json']

PAGE = Path(__file__).parent / 'page'
# A module stands behind those that it imports from.
SCRIPTS = (
    'dom.js',
    'text.js',
    'state.js',
    'inflate.js',
    'codec.js',
    'looks.js',
    'select.js',
    'filters.js',
    'list.js',
    'view.js',
    'layers.js',
    'timeline.js',
    'curves.js',
    'camera.js',
    'skeleton.js',
    'player.js',
    'segments.js',
    'metrics.js',
    'keys.js',
    'main.js',
)
STYLES = ('colors.css', 'layout.css', 'parts.css')
_IMPORT = re.compile(r'^import\s[^;]*?;\n', re.MULTILINE)
_EXPORT = re.compile(
    r'^export\s+(?=(async\s+function|function|const|class)\b)', re.MULTILINE
)


def make_page(document: Mapping[str, Any], blobs: Mapping[str, str]) -> str:
    """The whole page.

    Args:
        document (Mapping[str, Any]): What JSON can hold; ``title`` is put
            into the head, too.
        blobs (Mapping[str, str]): Base64 by id, decoded on demand.

    Returns:
        str: HTML.
    """
    script = join_modules(_source(name) for name in SCRIPTS)
    style = '\n'.join(_source(name) for name in STYLES)
    policy = '; '.join(
        [
            "default-src 'none'",
            f"script-src '{_digest(script)}'",
            f"style-src '{_digest(style)}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    parts = {
        'policy': html.escape(policy),
        'title': html.escape(
            str(document['title']).encode('utf-8', 'replace').decode()
        ),
        'style': style,
        'script': script,
        'data': safe_json(document),
        'blobs': '\n'.join(
            f'<script type="text/plain" id="{key}">{text}</script>'
            for key, text in blobs.items()
        ),
    }
    # one pass, so that no part is searched for the marks of others
    return re.sub(
        r'\{\{(\w+)\}\}', lambda m: parts[m[1]], _source('page.html')
    )


def safe_json(value: Any) -> str:
    """JSON that cannot end the script element it lies in.

    Args:
        value (Any): What JSON can hold.

    Returns:
        str: JSON without ``<``, ``>``, ``&`` and line separators.

    Examples:
        >>> '<' in safe_json(['</script>'])
        False
    """
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(',', ':')
    )
    for sign in '<>&\u2028\u2029':
        text = text.replace(sign, f'\\u{ord(sign):04x}')
    # half of a surrogate pair, which no encoding can write
    return re.sub('[\ud800-\udfff]', lambda m: f'\\u{ord(m[0]):04x}', text)


def join_modules(sources: Any) -> str:
    """Modules as one: imports among them and the word export go.

    Args:
        sources (Iterable[str]): Modules, in order of need.

    Returns:
        str: One module.

    Examples:
        >>> join_modules(['export const a = 1;'])
        'const a = 1;'
    """
    return '\n'.join(
        _EXPORT.sub('', _IMPORT.sub('', source)) for source in sources
    )


def _source(name: str) -> str:
    return (PAGE / name).read_text(encoding='utf-8')


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode('utf-8')).digest()
    return f'sha256-{base64.b64encode(digest).decode("ascii")}'
