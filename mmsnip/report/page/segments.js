// The segments of the video as a table: the timeline for those who read.

import { byId, el } from './dom.js';
import { passes, segmentsOf } from './select.js';
import { sameSegment } from './timeline.js';
import { clock, seconds } from './text.js';

const MOST = 400;

export function setUpSegments(data, store, looks, player) {
  const body = byId('segments');
  let rows = [];
  function draw() {
    const { video } = store.state;
    const all = segmentsOf(video);
    const passing = all.filter((one) => passes(one, store.state));
    byId('segments-count').textContent = passing.length === all.length
      ? String(all.length) : `${passing.length} of ${all.length}`;
    rows = passing.slice(0, MOST).map((segment) => (
      [segment, makeRow(segment, video)]
    ));
    body.replaceChildren(...rows.map(([, row]) => row));
    mark();
  }
  function mark() {
    const { chosen } = store.state;
    for (const [segment, row] of rows) {
      const is = Boolean(chosen) && sameSegment(segment, chosen);
      row.classList.toggle('chosen', is);
      if (is) bringIntoBox(row);
    }
  }
  function makeRow(segment, video) {
    const go = () => {
      store.set({ chosen: segment });
      player.seek(segment.start);
    };
    const what = segment.row === 'truth' ? 'Truth' : 'Prediction';
    const start = clock(segment.start / video.fps);
    const name = looks.name(segment.label);
    const kind = segment.kind ? data.kinds[segment.kind].name : '';
    return el(
      'tr', {},
      el('td', {}, el('button', {
        type: 'button', onclick: go,
        'aria-label': `Go to ${what} ${name} at ${start}`,
      }, start)),
      el('td', {}, seconds((segment.end - segment.start) / video.fps)),
      el('td', {}, looks.mark(segment.label),
        el('div', { class: 'quiet' }, what)),
      el('td', {}, el('span', { class: 'mark' }, looks.sign(segment.kind), kind)),
      el('td', { class: 'number' }, segment.score === null ? '' : segment.score.toFixed(2)),
    );
  }
  store.on(['video', 'kinds', 'classes'], draw);
  store.on(['chosen'], mark);
}

// Scrolls the table alone, never the page.
function bringIntoBox(row) {
  const box = row.closest('.table-box');
  const top = row.offsetTop - 34;
  const bottom = row.offsetTop + row.offsetHeight - box.clientHeight;
  if (box.scrollTop > top) box.scrollTop = top;
  else if (box.scrollTop < bottom) box.scrollTop = bottom + 8;
}
