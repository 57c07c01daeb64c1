// Reads the data, puts the parts together, and opens the first video.

import { frontView } from './camera.js';
import { decodePoses, decodeScores, unpackText } from './codec.js';
import { setUpCurves } from './curves.js';
import { byId } from './dom.js';
import { setUpFilters } from './filters.js';
import { setUpKeys } from './keys.js';
import { setUpList } from './list.js';
import { makeLooks } from './looks.js';
import { showAbout, showFigures, showMetrics } from './metrics.js';
import { setUpPlayer } from './player.js';
import { setUpSegments } from './segments.js';
import { setUpSkeleton, withScene } from './skeleton.js';
import { makeStore } from './state.js';
import { percent, plural, seconds } from './text.js';
import { setUpTimeline } from './timeline.js';

function start() {
  const data = JSON.parse(byId('data').textContent);
  data.videos.forEach((video, place) => { video.place = place; });
  const looks = makeLooks(data);
  const known = data.videos.some((video) => video.error !== null);
  const store = makeStore({
    video: null, frame: 0, view: { start: 0, end: 1 }, playing: false,
    speed: 1, mode: 'two', search: '', order: known ? 'error' : 'name',
    kinds: new Set(), classes: new Set(), chosen: null, poses: null,
    scores: null, loading: false, camera: frontView(false),
  });
  document.body.append(looks.definitions());
  byId('title').textContent = data.title;
  byId('subtitle').textContent = subtitle(data);
  showFigures(data);
  const player = setUpPlayer(data, store, looks);
  const timeline = setUpTimeline(data, store, looks, player);
  setUpCurves(store, looks);
  setUpSkeleton(data, store);
  setUpSegments(data, store, looks, player);
  setUpFilters(data, store, looks);
  setUpVideo(data, store);
  const list = setUpList(data, store, looks);
  setUpKeys(store, player, list, timeline);
  setUpTabs({
    metrics: () => showMetrics(data, looks),
    about: () => showAbout(data, looks),
  }, store);
  store.set({ video: list.first() });
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

function subtitle(data) {
  const parts = [plural(data.videos.length, 'video'), plural(data.classes.length, 'class', 'classes')];
  if (data.annotations) parts.push(data.annotations);
  return parts.join(' · ');
}

// What belongs to a video is unpacked when it is opened.
function setUpVideo(data, store) {
  store.on(['video'], ({ video }) => {
    const hasTruth = video.error !== null;
    byId('video-name').textContent = video.name;
    byId('video-facts').textContent = [
      seconds(video.frames / video.fps), `${video.frames} frames at ${Number(video.fps.toFixed(2))}/s`,
      ...(hasTruth ? [`${percent(video.error)} of frames wrong`] : ['no ground truth']),
    ].join(' · ');
    for (const id of ['next-error', 'previous-error']) byId(id).hidden = !hasTruth;
    store.set({
      frame: 0, view: { start: 0, end: video.frames }, playing: false,
      chosen: null, poses: null, scores: null, loading: true,
    });
    unpack(video, data, store).catch(fail);
  });
}

async function unpack(video, data, store) {
  const { place } = video;
  const [poses, scores] = await Promise.all([
    video.poses ? unpackText(`poses-${place}`) : null,
    video.scores ? unpackText(`scores-${place}`) : null,
  ]);
  if (store.state.video !== video) return;
  const decoded = poses && withScene(
    decodePoses(video.poses, poses), data.topologies[video.poses.topology],
  );
  store.set({
    camera: frontView(decoded?.flat, decoded?.scene.facing),
    poses: decoded,
    scores: scores && decodeScores(video.scores, scores),
    loading: false,
  });
}

function setUpTabs(fillers, store) {
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const open = (tab) => {
    store.set({ playing: false });
    for (const one of tabs) {
      const chosen = one === tab;
      const name = one.getAttribute('aria-controls');
      one.setAttribute('aria-selected', String(chosen));
      one.tabIndex = chosen ? 0 : -1;
      byId(name).hidden = !chosen;
      if (chosen && fillers[name]) {
        fillers[name]();
        delete fillers[name];
      }
    }
  };
  for (const [place, tab] of tabs.entries()) {
    tab.addEventListener('click', () => open(tab));
    tab.addEventListener('keydown', (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.stopPropagation();
      const next = tabs[(place + by + tabs.length) % tabs.length];
      next.focus();
      open(next);
    });
  }
}

function fail(error) {
  byId('failure').hidden = false;
  byId('failure').textContent = `The report cannot be shown: ${error.message}`;
  console.error(error);
}

try {
  start();
} catch (error) {
  fail(error);
}
