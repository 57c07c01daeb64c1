// The current frame: playing, stepping, and what is true and predicted now.

import { byId, el, icon } from './dom.js';
import { segmentsOf, errorsOf } from './select.js';
import { clock, seconds } from './text.js';
import { followView } from './view.js';

const SPEEDS = [0.25, 0.5, 1, 2, 4];
const ICONS = {
  play: 'M4 2.5v11l9-5.5z',
  pause: 'M4 2.5h3v11h-3zM9.5 2.5h3v11h-3z',
  back: 'M3 3h2v10h-2zM13 3v10l-7-5z',
  on: 'M11 3h2v10h-2zM3 3v10l7-5z',
};

export function setUpPlayer(data, store, looks) {
  let last = 0;

  function seek(frame) {
    const { video, view } = store.state;
    if (!video) return;
    const inside = Math.min(Math.max(frame, 0), video.frames - 1e-3);
    store.set({ frame: inside, view: followView(view, inside, video.frames) });
  }
  function tick(now) {
    const { playing, video, frame, speed } = store.state;
    if (!playing) return;
    const passed = Math.min((now - last) / 1000, 0.25);
    last = now;
    const next = frame + passed * speed * video.fps;
    seek(next);
    if (next >= video.frames) store.set({ playing: false });
    else requestAnimationFrame(tick);
  }
  function toggle() {
    const { playing, frame, video } = store.state;
    if (playing) return store.set({ playing: false });
    if (frame >= video.frames - 1) seek(0);
    last = performance.now();
    store.set({ playing: true });
    return requestAnimationFrame(tick);
  }
  function step(frames) {
    store.set({ playing: false });
    seek(Math.floor(store.state.frame + 1e-6) + frames);
  }
  function toError(direction) {
    const { video, frame, chosen } = store.state;
    const errors = errorsOf(video, store.state);
    const behind = direction > 0
      ? errors.find((one) => one.start > frame + 1e-3)
      : errors.filter((one) => one.start < frame - 1e-3).pop();
    const next = behind ?? (chosen ? null : errors[0]);
    if (!next) return;
    store.set({ chosen: next, playing: false });
    seek(next.start);
  }
  function speed(by) {
    const place = SPEEDS.indexOf(store.state.speed) + by;
    const next = SPEEDS[Math.min(Math.max(place, 0), SPEEDS.length - 1)];
    store.set({ speed: next });
  }

  const player = { seek, toggle, step, toError, speed };
  setUpControls(store, player);
  store.on(['frame', 'video', 'playing'], () => showNow(store.state, looks, data));
  return player;
}

function setUpControls(store, player) {
  const play = byId('play');
  play.append(icon(ICONS.play));
  play.addEventListener('click', () => player.toggle());
  store.on(['playing'], ({ playing }) => {
    play.replaceChildren(icon(playing ? ICONS.pause : ICONS.play));
    play.setAttribute('aria-label', playing ? 'Pause' : 'Play');
  });
  byId('step-back').append(icon(ICONS.back));
  byId('step-forward').append(icon(ICONS.on));
  byId('step-back').addEventListener('click', () => player.step(-1));
  byId('step-forward').addEventListener('click', () => player.step(1));
  byId('next-error').addEventListener('click', () => player.toError(1));
  byId('previous-error').addEventListener('click', () => player.toError(-1));
  const speed = byId('speed');
  for (const value of SPEEDS) speed.append(el('option', { value }, `${value}×`));
  speed.value = String(store.state.speed);
  speed.addEventListener('change', () => store.set({ speed: Number(speed.value) }));
  store.on(['speed'], (state) => { speed.value = String(state.speed); });
}

function showNow({ video, frame, playing }, looks, data) {
  if (!video) return;
  const time = frame / video.fps;
  byId('clock').textContent =
    `${clock(time)} / ${clock(video.frames / video.fps)} · frame ${Math.floor(frame)}`;
  const here = segmentsOf(video)
    .filter((one) => frame >= one.start && frame < one.end);
  const truth = here.filter((one) => one.row === 'truth');
  const found = here.filter((one) => one.row === 'found')
    .sort((a, b) => b.score - a.score);
  const parts = [];
  if (video.truth) parts.push(...said('Truth', truth, looks, data), ' · ');
  parts.push(...said('Prediction', found, looks, data));
  byId('now').replaceChildren(`At ${seconds(time)} – `, ...parts);
  byId('label-true').replaceChildren(
    ...(video.truth ? ['Truth', labelOf(truth, looks)] : []),
  );
  byId('label-found').replaceChildren('Prediction', labelOf(found, looks));
  // a screen reader would speak without end
  if (playing) return;
  byId('timeline').setAttribute('aria-valuetext', byId('now').textContent);
}

function labelOf(segments, looks) {
  if (!segments.length) return el('span', { class: 'quiet' }, 'nothing');
  return el('b', {}, looks.mark(segments[0].label));
}

function said(what, segments, looks, data) {
  const names = segments.slice(0, 4).map((one) => {
    const kind = one.kind && one.kind !== 'correct' && one.kind !== 'found'
      ? ` (${data.kinds[one.kind].name})` : '';
    return looks.name(one.label) + kind;
  });
  return [`${what}: `, el('b', {}, names.join(', ') || 'nothing')];
}
