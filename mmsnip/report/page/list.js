// The list of videos; rows are made when they are scrolled to.

import { byId, el } from './dom.js';
import { chooseVideos, orderNames } from './select.js';
import { percent, plural, clock } from './text.js';

const BATCH = 60;

export function setUpList(data, store, looks) {
  const list = byId('list');
  const rows = new Map();
  let shown = [];
  let made = 0;
  const more = new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting)) addRows();
  }, { root: list });

  function addRows() {
    more.disconnect();
    const next = shown.slice(made, made + BATCH);
    for (const video of next) {
      const row = makeRow(video, store, looks);
      rows.set(video, row);
      list.append(row);
    }
    made += next.length;
    if (made < shown.length) more.observe(list.lastElementChild);
    markCurrent();
  }
  function markCurrent() {
    for (const [video, row] of rows) {
      const current = video === store.state.video;
      row.firstChild.setAttribute('aria-current', String(current));
    }
  }
  function refresh() {
    shown = chooseVideos([...data.videos], store.state);
    made = 0;
    rows.clear();
    list.replaceChildren();
    const total = plural(data.videos.length, 'video');
    byId('list-count').textContent = shown.length === data.videos.length
      ? total : `${shown.length} of ${total}`;
    if (shown.length) addRows();
  }
  function step(by) {
    const place = shown.indexOf(store.state.video);
    const video = shown[Math.max(0, Math.min(shown.length - 1, place + by))];
    if (!video) return;
    while (!rows.has(video)) addRows();
    store.set({ video });
    rows.get(video).scrollIntoView({ block: 'nearest' });
  }

  setUpTools(store);
  store.on(['search', 'order', 'kinds', 'classes'], refresh);
  store.on(['video'], markCurrent);
  refresh();
  return { step, first: () => shown[0] };
}

function setUpTools(store) {
  const order = byId('sort');
  for (const [value, name] of orderNames()) {
    order.append(el('option', { value }, name));
  }
  order.value = store.state.order;
  order.addEventListener('change', () => store.set({ order: order.value }));
  byId('search').addEventListener('input', (event) =>
    store.set({ search: event.target.value }));
}

function makeRow(video, store, looks) {
  const wrong = video.error === null ? '' : percent(video.error, 0);
  const line = el(
    'span', { class: 'line' },
    el('span', { class: 'name', title: video.name }, video.name),
    el('span', { class: 'percent' }, wrong),
  );
  const button = el(
    'button', { type: 'button', onclick: () => store.set({ video }) },
    line, meter(video), marks(video, looks),
  );
  if (wrong) button.setAttribute('aria-label', spoken(video, looks));
  return el('li', {}, button);
}

function meter(video) {
  if (video.error === null) return null;
  const filled = el('i');
  filled.style.width = `${100 * video.error}%`;
  return el('span', { class: 'meter', hidden: false }, filled);
}

function marks(video, looks) {
  const parts = Object.entries(video.counts).map(([kind, count]) =>
    el('span', {}, looks.sign(kind), ` ${count}`));
  parts.push(el('span', {}, clock(video.frames / video.fps)));
  if (!video.truth) parts.push(plural(video.found.length, 'prediction'));
  return el('span', { class: 'marks' }, parts);
}

function spoken(video, looks) {
  const counts = Object.entries(video.counts)
    .map(([kind, count]) => `${count} ${looks.kindName(kind)}`);
  return [video.name, `${percent(video.error, 0)} of frames wrong`, ...counts]
    .join(', ');
}
