// Truth over prediction: drawn as SVG, zoomed by wheel, drag, touch and keys.

import { byId, el, oncePerFrame, svg } from './dom.js';
import { layOut } from './layers.js';
import { isError } from './looks.js';
import { passes } from './select.js';
import { seconds } from './text.js';
import { isWhole, panView, rulerTimes, zoomView } from './view.js';

export function gutterOf(width) {
  return width < 520 ? 68 : 104;
}

export function setUpTimeline(data, store, looks, player) {
  const box = byId('timeline');
  const head = svg('g', { class: 'head' });
  let scale = null;

  const draw = oncePerFrame(() => {
    const { video, view, mode } = store.state;
    if (!video || !box.clientWidth) return;
    const layout = layOut(video, mode, looks.name);
    const width = box.clientWidth;
    scale = makeScale(view, width, layout.height);
    const picture = svg('svg', {
      viewBox: `0 0 ${width} ${layout.height}`, height: layout.height,
      'aria-hidden': 'true',
    });
    picture.append(
      ...layout.lanes.map((lane) => track(lane, scale)),
      ruler(scale, video, layout),
      ...layout.lanes.map((lane) => drawLane(lane, scale, store.state, looks, data)),
      head,
    );
    box.replaceChildren(picture);
    box.classList.toggle('zoomed', !isWhole(view, video.frames));
    moveHead();
  });
  function moveHead() {
    const { video, frame } = store.state;
    if (!scale || !video) return;
    const x = scale.x(frame);
    const inside = x >= scale.gutter - 0.5 && x <= scale.width + 0.5;
    head.replaceChildren(...(inside ? playhead(x, scale.height) : []));
    box.setAttribute('aria-valuemax', (video.frames / video.fps).toFixed(2));
    box.setAttribute('aria-valuenow', (frame / video.fps).toFixed(2));
  }

  store.on(['video', 'view', 'mode', 'kinds', 'classes', 'chosen'], draw);
  store.on(['frame', 'video'], moveHead);
  new ResizeObserver(draw).observe(box);
  setUpGestures(box, store, player, () => scale);
  setUpButtons(store);
  return { zoom: (factor) => zoomBy(store, factor) };
}

function makeScale(view, width, height) {
  const gutter = gutterOf(width);
  const perFrame = (width - gutter - 6) / (view.end - view.start);
  return {
    gutter, width, height, view, perFrame,
    x: (frame) => gutter + (frame - view.start) * perFrame,
    frame: (x) => view.start + (x - gutter) / perFrame,
  };
}

function playhead(x, height) {
  return [
    svg('path', { class: 'playhead-knob', d: `M${x - 6} 2h12v6l-6 7l-6 -7z` }),
    svg('line', { class: 'playhead', x1: x, x2: x, y1: 8, y2: height }),
  ];
}

function ruler(scale, video, layout) {
  const from = scale.view.start / video.fps;
  const to = scale.view.end / video.fps;
  const most = (scale.width - scale.gutter) / 72;
  const { times, step } = rulerTimes(from, to, most);
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const marks = times.flatMap((time) => {
    const x = scale.x(time * video.fps);
    const end = x > scale.width - 24;
    return [
      svg('line', { class: 'grid-line', x1: x, x2: x, y1: 18, y2: layout.height }),
      svg('text', { class: 'tick', x, y: 13, 'text-anchor': end ? 'end' : 'middle' },
        `${time.toFixed(digits)}s`),
    ];
  });
  return svg('g', {}, marks);
}

function drawLane(lane, scale, state, looks, data) {
  const room = scale.gutter - 5;
  const bars = lane.bars
    .filter(({ segment }) =>
      segment.end > scale.view.start && segment.start < scale.view.end)
    .map((bar) => drawBar(bar, scale, state, looks, data));
  return svg('g', {}, laneName(lane, room), bars);
}

function track(lane, scale) {
  return svg('rect', {
    class: 'lane', x: scale.gutter, y: lane.top, rx: 3,
    width: Math.max(scale.width - scale.gutter - 6, 0), height: lane.height,
  });
}

function laneName(lane, room) {
  const text = shorten(lane.name, room - (lane.halves.length ? 20 : 0));
  const node = svg(
    'text', { class: 'lane-name', x: 0, y: lane.top + 18 }, text,
  );
  node.append(svg('title', {}, lane.name));
  const halves = lane.halves.map(({ name, y }) => svg(
    'text', { class: 'half-name', x: room, y: y + 11 }, name,
  ));
  return [node, ...halves];
}

function shorten(text, room) {
  const most = Math.max(2, Math.floor(room / 6.6));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function drawBar(bar, scale, state, looks, data) {
  const { segment, y, height } = bar;
  const left = Math.max(scale.x(segment.start), scale.gutter);
  const right = Math.min(scale.x(segment.end), scale.width - 6);
  const width = Math.max(right - left, 1.5);
  const group = svg(
    'g', { class: barClasses(segment, state) },
    svg('rect', {
      x: left, y: y + 0.5, width, height, rx: Math.min(3, width / 3),
      fill: looks.fillOf(segment.label),
    }),
  );
  if (height > 16 && width > 26) {
    const name = svg('text', { x: left + 6, y: y + 18 }, shorten(looks.name(segment.label), width - 8));
    name.style.fill = looks.ink(segment.label);
    name.style.stroke = looks.color(segment.label);
    group.append(name);
  }
  if (isError(segment.kind)) group.append(...kindMarks(bar, left, width, data));
  group.append(svg('title', {}, describe(segment, state.video, looks, data)));
  return group;
}

function kindMarks(bar, left, width, data) {
  if (bar.segment.row === 'truth' && bar.height < 16) return [];
  const y = bar.signs;
  const marks = [svg('line', {
    class: 'kind-line', x1: left, x2: left + width, y1: y + 1.5, y2: y + 1.5,
  })];
  if (width > 7) {
    marks.push(svg(
      'text', { class: 'kind', x: left + width / 2, y: y + 13 },
      data.kinds[bar.segment.kind].sign,
    ));
  }
  return marks;
}

function barClasses(segment, state) {
  const { chosen } = state;
  const classes = ['segment'];
  if (!passes(segment, state)) classes.push('dim');
  if (chosen && sameSegment(segment, chosen)) classes.push('chosen');
  const partner = chosen && chosen.row === 'found' && segment.row === 'truth';
  if (partner && segment.index === chosen.about) classes.push('partner');
  return classes.join(' ');
}

export function sameSegment(a, b) {
  return a.row === b.row && a.index === b.index;
}

function describe(segment, video, looks, data) {
  const what = segment.row === 'truth' ? 'Truth' : 'Prediction';
  const parts = [
    `${what}: ${looks.name(segment.label)}`,
    `${seconds(segment.start / video.fps)} – ${seconds(segment.end / video.fps)}`,
  ];
  if (segment.score !== null) parts.push(`score ${segment.score.toFixed(2)}`);
  if (segment.kind) parts.push(data.kinds[segment.kind].name);
  return parts.join('\n');
}

function zoomBy(store, factor, anchor = store.state.frame) {
  const { video, view } = store.state;
  if (!video) return;
  const middle = (view.start + view.end) / 2;
  const inside = anchor >= view.start && anchor <= view.end;
  store.set({ view: zoomView(view, factor, inside ? anchor : middle, video.frames) });
}

function setUpButtons(store) {
  byId('zoom-in').addEventListener('click', () => zoomBy(store, 2));
  byId('zoom-out').addEventListener('click', () => zoomBy(store, 0.5));
  byId('zoom-reset').addEventListener('click', () =>
    store.set({ view: { start: 0, end: store.state.video.frames } }));
  const lanes = byId('lanes');
  lanes.addEventListener('click', () =>
    store.set({ mode: store.state.mode === 'two' ? 'class' : 'two' }));
  store.on(['mode'], ({ mode }) =>
    lanes.setAttribute('aria-pressed', String(mode === 'class')));
  store.on(['view', 'video'], ({ view, video }) => {
    const zoom = video.frames / (view.end - view.start);
    byId('zoom-level').textContent = zoom > 1.005 ? `${zoom.toFixed(1)}×` : '';
    byId('zoom-out').disabled = byId('zoom-reset').disabled = zoom <= 1.005;
  });
}

function setUpGestures(box, store, player, scaleOf) {
  const fingers = new Map();
  let pinch = 0;
  let travelled = 0;

  const place = (event) => event.clientX - box.getBoundingClientRect().left;
  box.addEventListener('wheel', (event) => wheel(event, place(event)), { passive: false });
  function wheel(event, x) {
    const { video, view } = store.state;
    const scale = scaleOf();
    if (!scale) return;
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const whole = isWhole(view, video.frames);
    // what changes nothing here scrolls the page
    if (whole && (sideways || event.deltaY > 0)) return;
    event.preventDefault();
    const amount = sideways ? event.deltaX || event.deltaY : event.deltaY;
    if (sideways) store.set({ view: panView(view, amount / scale.perFrame, video.frames) });
    else zoomBy(store, Math.exp(-amount / 300), scale.frame(x));
  }
  box.addEventListener('pointerdown', (event) => {
    if (event.button > 0) return;
    box.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    travelled = 0;
    pinch = fingers.size === 2 ? spread(fingers) : 0;
  });
  box.addEventListener('pointermove', (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = fingers.get(event.pointerId);
    const x = place(event);
    fingers.set(event.pointerId, x);
    travelled += Math.abs(x - before);
    if (fingers.size === 2) pinchTo(spread(fingers));
    else if (travelled > 4) drag(x, before);
  });
  function pinchTo(now) {
    const middle = [...fingers.values()].reduce((sum, x) => sum + x, 0) / 2;
    if (pinch > 10) zoomBy(store, now / pinch, scaleOf().frame(middle));
    pinch = now;
  }
  function drag(x, before) {
    const { video, view } = store.state;
    const scale = scaleOf();
    box.classList.add('dragging');
    if (isWhole(view, video.frames)) player.seek(scale.frame(x));
    else store.set({ view: panView(view, (before - x) / scale.perFrame, video.frames) });
  }
  function release(event, isClick) {
    if (!fingers.delete(event.pointerId)) return;
    box.classList.remove('dragging');
    if (isClick && travelled <= 4) click(event);
  }
  function click(event) {
    const bounds = box.getBoundingClientRect();
    const frame = scaleOf().frame(event.clientX - bounds.left);
    const hit = hitSegment(store, frame, event.clientY - bounds.top);
    store.set({ chosen: hit });
    player.seek(frame);
  }
  box.addEventListener('pointerup', (event) => release(event, true));
  box.addEventListener('pointercancel', (event) => release(event, false));
}

function hitSegment({ state }, frame, y) {
  const bars = layOut(state.video, state.mode, String).lanes
    .flatMap((lane) => lane.bars);
  const hit = bars.find((bar) =>
    frame >= bar.segment.start && frame < bar.segment.end &&
    y >= bar.y && y <= bar.y + bar.height);
  return hit ? hit.segment : null;
}

function spread(fingers) {
  const [a, b] = fingers.values();
  return Math.abs(a - b);
}
