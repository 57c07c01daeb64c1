// Which segments and videos the filters let through, and in which order.

import { isError } from './looks.js';

const segmentCache = new WeakMap();

export function segmentsOf(video) {
  if (!segmentCache.has(video)) segmentCache.set(video, readSegments(video));
  return segmentCache.get(video);
}

function readSegments(video) {
  const truth = (video.truth ?? []).map(([label, start, end, kind], index) => (
    { row: 'truth', index, label, start, end, kind, score: null, about: -1 }
  ));
  const found = video.found.map(
    ([label, start, end, score, kind, about], index) => (
      { row: 'found', index, label, start, end, kind, score, about }
    ),
  );
  return [...truth, ...found].sort(
    (a, b) => a.start - b.start || (a.row < b.row ? 1 : -1),
  );
}

export function passes(segment, { kinds, classes }) {
  if (kinds.size && !kinds.has(segment.kind)) return false;
  return !classes.size || classes.has(segment.label);
}

// A true segment counts as an error only where it is missed: the other
// errors are already those of a prediction.
export function countsAsError(segment) {
  if (segment.row === 'truth') return segment.kind === 'missed';
  return isError(segment.kind);
}

export function errorsOf(video, state) {
  return segmentsOf(video).filter(
    (segment) => countsAsError(segment) && passes(segment, state),
  );
}

const ORDERS = {
  error: ['Most wrong', (a, b) => (b.error ?? -1) - (a.error ?? -1)],
  good: ['Least wrong', (a, b) => (a.error ?? 2) - (b.error ?? 2)],
  count: ['Most errors', (a, b) => numErrors(b) - numErrors(a)],
  name: ['Name', () => 0],
  long: ['Longest', (a, b) => b.frames / b.fps - a.frames / a.fps],
};

export function orderNames() {
  return Object.entries(ORDERS).map(([key, [name]]) => [key, name]);
}

export function numErrors(video) {
  return Object.values(video.counts).reduce((sum, count) => sum + count, 0);
}

export function chooseVideos(videos, state) {
  const wanted = state.search.trim().toLowerCase();
  const filtered = state.kinds.size || state.classes.size;
  const kept = videos.filter((video) => {
    if (!video.name.toLowerCase().includes(wanted)) return false;
    return !filtered || segmentsOf(video).some((one) => passes(one, state));
  });
  const order = ORDERS[state.order][1];
  return kept.sort(
    (a, b) => order(a, b) || (a.name < b.name ? -1 : 1),
  );
}
