// Score curves under the timeline, with the same view.

import { byId, el, oncePerFrame, svg } from './dom.js';
import { gutterOf } from './timeline.js';

const HEIGHT = 78;
const PAD = 4;

export function setUpCurves(store, looks) {
  const box = byId('curves');
  const head = svg('line', { class: 'playhead', y1: 0, y2: HEIGHT });
  const draw = oncePerFrame(() => {
    const { scores, view } = store.state;
    box.hidden = byId('legend').hidden = !scores;
    const width = box.clientWidth;
    if (!scores || !width) return;
    const gutter = gutterOf(width);
    const picture = svg('svg', {
      viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, 'aria-hidden': 'true',
    });
    picture.append(
      ...axis(width, gutter),
      ...paths(scores, view, width, gutter, looks),
      head,
    );
    box.replaceChildren(picture);
    moveHead();
  });
  function moveHead() {
    const { scores, view, frame } = store.state;
    if (!scores) return;
    const gutter = gutterOf(box.clientWidth);
    const share = (frame - view.start) / (view.end - view.start);
    const x = gutter + share * (box.clientWidth - gutter - 6);
    head.setAttribute('visibility', share >= 0 && share <= 1 ? 'visible' : 'hidden');
    head.setAttribute('x1', x);
    head.setAttribute('x2', x);
    drawLegend(scores, frame, looks);
  }
  store.on(['scores', 'view'], draw);
  store.on(['frame'], moveHead);
  new ResizeObserver(draw).observe(box);
}

function height(value) {
  return PAD + (1 - value) * (HEIGHT - 2 * PAD);
}

function axis(width, gutter) {
  return [0, 0.5, 1].flatMap((value) => [
    svg('line', {
      class: 'grid-line', x1: gutter, x2: width - 6,
      y1: height(value), y2: height(value),
    }),
    svg('text', {
      x: gutter - 6, y: height(value) + (value === 1 ? 8 : value === 0 ? 0 : 4),
      'text-anchor': 'end',
    }, value === 0.5 ? '0.5' : String(value)),
  ]);
}

// A faint halo, flat where curves meet, keeps dark ones visible at night.
function paths(scores, view, width, gutter, looks) {
  const drawn = scores.curves.map((curve) =>
    path(curve, scores.stride, view, width, gutter, looks));
  const halo = drawn
    .filter((shape) => shape.hasAttribute('stroke'))
    .map((shape) => svg('path', { d: shape.getAttribute('d') }));
  return [svg('g', { class: 'halo' }, halo), ...drawn];
}

function path(curve, stride, view, width, gutter, looks) {
  const perFrame = (width - gutter - 6) / (view.end - view.start);
  const first = Math.max(0, Math.floor(view.start / stride) - 1);
  const last = Math.min(curve.values.length - 1, Math.ceil(view.end / stride) + 1);
  const points = [];
  for (let t = first; t <= last; t++) {
    const x = gutter + (t * stride + 0.5 - view.start) * perFrame;
    const inside = Math.min(Math.max(x, gutter), width - 6);
    points.push(`${inside.toFixed(1)} ${height(curve.values[t]).toFixed(1)}`);
  }
  const known = looks.color(curve.column) !== 'currentColor';
  return svg('path', {
    d: `M${points.join('L')}`,
    class: known ? null : 'background',
    stroke: known ? looks.color(curve.column) : null,
    'stroke-dasharray': known ? looks.dash(curve.column) : '1 3',
  });
}

function drawLegend(scores, frame, looks) {
  const values = scores.curves.map(({ column, values: curve }) => {
    const place = Math.min(Math.floor(frame / scores.stride), curve.length - 1);
    return [column, curve[place]];
  });
  const top = values.sort((a, b) => b[1] - a[1]).slice(0, 4);
  byId('legend').replaceChildren(...top.map(([column, value]) =>
    el('span', {}, looks.swatch(column), `${looks.name(column)} ${value.toFixed(2)}`)));
}
