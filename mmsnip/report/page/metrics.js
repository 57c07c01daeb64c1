// Key figures, the tables of metrics, and what the page says of itself.

import { byId, el } from './dom.js';
import { percent } from './text.js';

export function showFigures(data) {
  const figures = [];
  const { proposals } = data.metrics;
  const stated = proposals.filter(({ name }) => name !== 'shown');
  for (const table of stated.length ? stated : proposals) {
    const place = table.ious.findIndex((iou) => Number(iou) === 0.5);
    const half = place >= 0 ? table.maps[place] : null;
    const name = stated.length > 1 ? ` · ${table.name}` : '';
    if (half !== null) figures.push([percent(half), `mAP@0.5${name}`]);
    else if (table.mean !== null) figures.push([percent(table.mean), `mAP${name}`]);
  }
  for (const [key, name, value] of data.metrics.frames) {
    if (key !== 'F1@10' && key !== 'F1@25') {
      figures.push([frameValue(key, value), name]);
    }
  }
  byId('figures').hidden = !figures.length;
  byId('figures').append(...figures.map(([value, name]) =>
    el('div', { class: 'figure' }, el('b', {}, value), el('span', {}, name))));
}

function frameValue(key, value) {
  if (value === null) return '–';
  return key === 'runs_per_segment' ? value.toFixed(2) : percent(value);
}

export function showMetrics(data, looks) {
  const { proposals, frames, others } = data.metrics;
  const cards = proposals.map((table) => proposalCard(table, looks));
  if (frames.length) cards.push(frameCard(frames));
  if (others.length) cards.push(otherCard(others));
  cards.unshift(el(
    'div', { class: 'card' }, el('h2', {}, 'Metrics'),
    el('p', { class: 'quiet' }, data.metrics_origin
      + (cards.length ? ' A dash is a number that is not defined.' : '')),
    settingsLine(data),
  ));
  byId('metrics').append(...cards);
}

function settingsLine(data) {
  const parts = Object.entries(data.settings)
    .map(([key, value]) => `${key.replace('_', ' ')}: ${value}`);
  return el('p', { class: 'quiet' }, parts.join(' · '));
}

function cell(value) {
  const bar = el('i');
  bar.style.transform = `scaleX(${value ?? 0})`;
  return el('td', { class: 'number cell' }, percent(value), bar);
}

function proposalCard(table, looks) {
  const head = el('tr', {}, el('th', { scope: 'col' }, 'Class'),
    table.ious.map((iou) => el('th', { scope: 'col', class: 'number' }, `IoU ${iou}`)));
  const mean = el('tr', {}, el('th', { scope: 'row' }, 'mAP, all classes'),
    table.maps.map(cell));
  const rows = table.classes.map(([label, aps]) => el(
    'tr', {}, el('th', { scope: 'row' }, looks.mark(label)), aps.map(cell),
  ));
  const note = table.mean === null ? '' : `mAP over all thresholds: ${percent(table.mean)}`;
  return el(
    'div', { class: 'card' },
    el('h2', {}, `Average precision – ${table.name}`),
    el('p', { class: 'quiet' }, note),
    el('table', {}, el('thead', {}, head), el('tbody', {}, mean, rows)),
  );
}

function frameCard(frames) {
  const rows = frames.map(([key, name, value]) => el(
    'tr', {}, el('th', { scope: 'row' }, name),
    el('td', { class: 'number' }, frameValue(key, value)),
  ));
  return el(
    'div', { class: 'card' }, el('h2', {}, 'How the timeline reads'),
    el('p', { class: 'quiet' }, 'Of one label a frame. Runs per segment: 1 is right, more is flicker.'),
    el('table', {}, el('tbody', {}, rows)),
  );
}

function otherCard(others) {
  const rows = others.map(([key, value]) => el(
    'tr', {}, el('th', { scope: 'row' }, key),
    el('td', { class: 'number' }, value === null ? '–' : String(value)),
  ));
  return el('div', { class: 'card' }, el('h2', {}, 'Further metrics'),
    el('table', {}, el('tbody', {}, rows)));
}

export function showAbout(data, looks) {
  const kinds = Object.keys(data.kinds).flatMap((kind) => [
    el('dt', {}, el('span', { class: 'mark' }, looks.sign(kind), data.kinds[kind].name)),
    el('dd', {}, data.kinds[kind].text),
  ]);
  const source = [
    `Results: ${data.source.name} (${data.source.kind}).`,
    data.annotations ? `Annotations: ${data.annotations}.` : 'No annotation file was given.',
    `Predictions shown: ${data.predictions}.`,
    `Made by mmsnip ${data.version}.`,
  ];
  byId('about').append(
    el('div', { class: 'card' }, el('h2', {}, 'What this page shows'),
      el('ul', {}, [...source, ...data.notes].map((line) => el('li', {}, line)))),
    el('div', { class: 'card' }, el('h2', {}, 'Kinds of errors'),
      el('p', { class: 'quiet' }, 'The true segment of highest IoU decides, of equal ones one of the same class. The percentage of a video is its share of frames with a wrong label.'),
      el('dl', {}, kinds)),
  );
}
