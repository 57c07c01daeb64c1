// Swatches, patterns and signs: a class looks the same everywhere.

import { el, svg } from './dom.js';

const SHAPES = {
  slant: 'M-2 2l4-4M0 8l8-8M6 10l4-4',
  dots: 'M2 2h1v1h-1zM6 6h1v1h-1z',
  cross: 'M0 0l8 8M8 0l-8 8',
  lines: 'M0 2h8M0 6h8',
  bars: 'M2 0v8M6 0v8',
};
const DASHES = ['', '7 3', '2 3', '9 3 2 3', '12 4', '4 2 1 2'];

export function makeLooks(data) {
  const names = [...data.classes, 'background'];
  const styles = data.looks;

  function name(label) {
    return names[label] ?? `class ${label}`;
  }
  function color(label) {
    return styles[label]?.color ?? 'currentColor';
  }
  function ink(label) {
    return styles[label]?.ink ?? '#fff';
  }
  function dash(label) {
    return DASHES[Math.floor(label / 4) % DASHES.length];
  }
  function patternId(label) {
    const pattern = styles[label]?.pattern;
    return pattern && pattern !== 'plain' ? `pattern-${label}` : null;
  }
  // Pattern definitions of classes whose colour alone is not theirs.
  function definitions() {
    const shapes = styles.flatMap((style, label) => {
      if (style.pattern === 'plain') return [];
      const size = { width: 8, height: 8 };
      return svg(
        'pattern',
        { id: patternId(label), ...size, patternUnits: 'userSpaceOnUse' },
        svg('rect', { ...size, fill: style.color }),
        svg('path', {
          d: SHAPES[style.pattern], stroke: style.ink, 'stroke-width': 1.2,
          'stroke-opacity': 0.75, fill: 'none',
        }),
      );
    });
    return svg(
      'svg',
      { width: 0, height: 0, 'aria-hidden': 'true', class: 'definitions' },
      svg('defs', {}, shapes),
    );
  }
  function fillOf(label) {
    const id = patternId(label);
    return id ? `url(#${id})` : color(label);
  }
  function swatch(label) {
    const known = label < styles.length;
    const box = { x: 1, y: 1, width: 16, height: 12, rx: 3 };
    return svg(
      'svg',
      { class: 'swatch', viewBox: '0 0 18 14', 'aria-hidden': 'true' },
      svg('rect', {
        ...box, fill: known ? fillOf(label) : 'none',
        stroke: known ? 'var(--outline)' : 'currentColor',
        'stroke-dasharray': known ? null : '2 2',
      }),
    );
  }
  function mark(label) {
    return el('span', { class: 'mark' }, swatch(label), name(label));
  }
  function sign(kind) {
    const about = data.kinds[kind];
    if (!about) return el('span', {}, '');
    const good = kind === 'correct' || kind === 'found';
    return el(
      'span',
      { class: good ? 'sign good' : 'sign', title: about.text, 'aria-hidden': 'true' },
      about.sign,
    );
  }
  const kindName = (kind) => data.kinds[kind].name;
  return { name, kindName, color, ink, dash, fillOf, swatch, mark, sign, definitions };
}

export function isError(kind) {
  return kind !== '' && kind !== 'correct' && kind !== 'found';
}
