// Every key in one table, which is also the help.

import { closer, turned } from './camera.js';
import { byId, el } from './dom.js';
import { resetCamera } from './skeleton.js';
import { panView } from './view.js';

export function setUpKeys(store, player, list, timeline) {
  const seconds = (by) => () => {
    const { frame, video } = store.state;
    player.seek(frame + by * video.fps);
  };
  const pan = (share) => () => {
    const { view, video } = store.state;
    const frames = share * (view.end - view.start);
    store.set({ view: panView(view, frames, video.frames) });
  };
  const everywhere = [
    [[' '], 'Space', 'play or pause', player.toggle],
    [['ArrowLeft'], '←', 'a second back', seconds(-1)],
    [['ArrowRight'], '→', 'a second on', seconds(1)],
    [[','], ',', 'a frame back', () => player.step(-1)],
    [['.'], '.', 'a frame on', () => player.step(1)],
    [['Home'], 'Home', 'to the start', () => player.seek(0)],
    [['End'], 'End', 'to the end', () => player.seek(Infinity)],
    [['<'], '<', 'slower', () => player.speed(-1)],
    [['>'], '>', 'faster', () => player.speed(1)],
    [['e'], 'E', 'next error', () => player.toError(1)],
    [['E'], 'Shift E', 'previous error', () => player.toError(-1)],
    [['j'], 'J', 'next video', () => list.step(1)],
    [['k'], 'K', 'previous video', () => list.step(-1)],
    [['+', '='], '+', 'zoom in', () => timeline.zoom(2)],
    [['-', '_'], '−', 'zoom out', () => timeline.zoom(0.5)],
    [['['], '[', 'pan to earlier', pan(-0.25)],
    [[']'], ']', 'pan to later', pan(0.25)],
    [['0'], '0', 'whole video', () => byId('zoom-reset').click()],
    [['l'], 'L', 'lanes: two, or one a class', () => byId('lanes').click()],
    [['r'], 'R', 'reset the view of the skeleton', () => resetCamera(store)],
    [['f'], 'F', 'search videos', () => byId('search').focus()],
    [['?'], '?', 'this help', openHelp],
  ];
  const camera = (change) => () => store.set({ camera: change(store.state.camera) });
  const onSkeleton = [
    [['ArrowLeft'], '←', 'turn left', camera((c) => turned(c, -0.12, 0))],
    [['ArrowRight'], '→', 'turn right', camera((c) => turned(c, 0.12, 0))],
    [['ArrowUp'], '↑', 'from higher', camera((c) => turned(c, 0, 0.08))],
    [['ArrowDown'], '↓', 'from lower', camera((c) => turned(c, 0, -0.08))],
    [['+', '='], '+', 'closer', camera((c) => closer(c, 1.15))],
    [['-'], '−', 'farther', camera((c) => closer(c, 1 / 1.15))],
  ];
  byId('help-keys').append(
    keyTable('Anywhere', everywhere), keyTable('On the skeleton', onSkeleton),
    el('p', { class: 'quiet' }, 'On the timeline: wheel zooms, Shift and wheel or dragging pans, a click seeks. On the skeleton: dragging turns, wheel zooms.'),
  );
  byId('help-button').addEventListener('click', openHelp);
  document.addEventListener('keydown', (event) => {
    if (isTaken(event)) return;
    const inSkeleton = event.target === byId('skeleton');
    const tables = inSkeleton ? [...onSkeleton, ...everywhere] : everywhere;
    const found = tables.find(([keys]) => keys.includes(event.key));
    if (!found) return;
    event.preventDefault();
    found[3]();
  });
}

function openHelp() {
  byId('help').showModal();
}

// Keys that belong to the browser, to a field, to a button or to the help.
function isTaken(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  if (byId('help').open || byId('videos').hidden) return event.key !== '?';
  const tag = event.target.tagName;
  if (tag === 'INPUT' || tag === 'SELECT') return true;
  const pressing = tag === 'BUTTON' || tag === 'SUMMARY';
  const scrolls = event.target.classList?.contains('table-box');
  if (scrolls) return ['Home', 'End', 'PageUp', 'PageDown'].includes(event.key);
  return pressing && (event.key === ' ' || event.key === 'Enter');
}

function keyTable(title, rows) {
  return el(
    'table', {}, el('caption', { class: 'quiet' }, title),
    el('tbody', {}, rows.map(([, name, text]) =>
      el('tr', {}, el('th', { scope: 'row' }, el('kbd', {}, name)), el('td', {}, text)))),
  );
}
