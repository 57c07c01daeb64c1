// Chips that choose kinds of errors and classes; none chosen lets all pass.

import { byId, el } from './dom.js';
import { toggled } from './state.js';

export function setUpFilters(data, store, looks) {
  const kinds = data.errors.map((kind) => kindChip(kind, data, store, looks));
  const classes = classTotals(data).map(([label, count]) =>
    classChip(label, count, store, looks));
  byId('kind-chips').append(...kinds.map((chip) => chip.node));
  byId('class-chips').append(...classes.map((chip) => chip.node));
  byId('kind-chips').closest('fieldset').hidden =
    !data.videos.some((video) => video.truth);
  byId('clear-filters').addEventListener('click', () =>
    store.set({ kinds: new Set(), classes: new Set() }));
  byId('filters').open = window.innerWidth > 760;
  store.on(['kinds', 'classes'], () => update(store.state, kinds, classes));
  update(store.state, kinds, classes);
}

function update(state, kinds, classes) {
  for (const chip of kinds) chip.press(state.kinds.has(chip.value));
  for (const chip of classes) chip.press(state.classes.has(chip.value));
  const chosen = state.kinds.size + state.classes.size;
  byId('filter-state').textContent = chosen ? `${chosen} chosen` : '';
  byId('clear-filters').disabled = !chosen;
}

function kindChip(kind, data, store, looks) {
  const total = data.videos.reduce(
    (sum, video) => sum + (video.counts[kind] ?? 0), 0,
  );
  const { name, text } = data.kinds[kind];
  const parts = [looks.sign(kind), el('span', { class: 'name' }, name)];
  return chip(kind, parts, total, text, total > 0, () =>
    store.set({ kinds: toggled(store.state.kinds, kind) }));
}

function classChip(label, count, store, looks) {
  const name = looks.name(label);
  const parts = [looks.swatch(label), el('span', { class: 'name' }, name)];
  return chip(label, parts, count, name, true, () =>
    store.set({ classes: toggled(store.state.classes, label) }));
}

function chip(value, parts, count, title, known, onclick) {
  const node = el(
    'button',
    { class: 'chip', type: 'button', title, onclick, disabled: !known },
    parts,
    el('span', { class: 'count' }, String(count)),
  );
  const press = (on) => node.setAttribute('aria-pressed', String(on));
  return { value, node, press };
}

// Classes with a segment, and how many: true ones where they are known.
function classTotals(data) {
  const totals = new Map();
  for (const video of data.videos) {
    const rows = video.truth ?? video.found;
    for (const [label] of video.found) totals.set(label, totals.get(label) ?? 0);
    for (const [label] of rows) totals.set(label, (totals.get(label) ?? 0) + 1);
  }
  return [...totals].sort((a, b) => a[0] - b[0]);
}
