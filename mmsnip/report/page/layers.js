// Where each segment lies on the timeline: lanes, and rows within them.

import { segmentsOf } from './select.js';

const RULER = 22;
const BAR = 26;
const THIN = 14;
const SIGNS = 15;
const GAP = 6;

// Rows so that segments of one row do not overlap; answers their number.
export function stack(segments) {
  const ends = [];
  const rows = new Map();
  for (const segment of segments) {
    let row = ends.findIndex((end) => end <= segment.start);
    if (row < 0) row = ends.length;
    ends[row] = segment.end;
    rows.set(segment, row);
  }
  return { rows, count: Math.max(ends.length, 1) };
}

export function layOut(video, mode, nameOf) {
  const all = segmentsOf(video);
  const groups = mode === 'class' ? byClass(all, nameOf) : byRow(all, video);
  const lanes = [];
  let top = RULER;
  for (const group of groups) {
    const lane = { name: group.name, top, bars: [], halves: [] };
    for (const part of group.parts) {
      const { rows, count } = stack(part.segments);
      if (part.name) lane.halves.push({ name: part.name, y: top });
      for (const segment of part.segments) {
        const y = top + rows.get(segment) * part.height;
        lane.bars.push({ segment, y, height: part.height - 1 });
      }
      top += count * part.height;
      part.segments.forEach((segment) => {
        lane.bars.find((bar) => bar.segment === segment).signs = top;
      });
      if (part.signs) top += SIGNS;
    }
    lane.height = top - lane.top;
    top += GAP;
    lanes.push(lane);
  }
  return { lanes, height: top - GAP + 2, ruler: RULER };
}

function byRow(all, video) {
  const pick = (row) => all.filter((segment) => segment.row === row);
  const part = (row) => [{ segments: pick(row), height: BAR, signs: true }];
  const lanes = [{ name: 'Predicted', parts: part('found') }];
  if (video.truth) lanes.unshift({ name: 'Truth', parts: part('truth') });
  return lanes;
}

function byClass(all, nameOf) {
  const labels = [...new Set(all.map((segment) => segment.label))];
  return labels.sort((a, b) => a - b).map((label) => {
    const own = all.filter((segment) => segment.label === label);
    const pick = (row) => own.filter((segment) => segment.row === row);
    const parts = [
      { name: 'P', segments: pick('found'), height: THIN, signs: true },
    ];
    if (all.some((segment) => segment.row === 'truth')) {
      parts.unshift(
        { name: 'T', segments: pick('truth'), height: THIN, signs: false },
      );
    }
    return { name: nameOf(label), parts };
  });
}
