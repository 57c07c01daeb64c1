// The part of a video that the timeline shows, in frames: pure arithmetic.

const FEWEST = 8;

export function clampView(start, end, total) {
  const length = Math.min(Math.max(end - start, Math.min(FEWEST, total)), total);
  const from = Math.min(Math.max(start, 0), total - length);
  return { start: from, end: from + length };
}

// A factor above 1 looks closer; the frame `anchor` stays where it is.
export function zoomView(view, factor, anchor, total) {
  const length = (view.end - view.start) / factor;
  const share = (anchor - view.start) / (view.end - view.start);
  const start = anchor - share * length;
  return clampView(start, start + length, total);
}

export function panView(view, frames, total) {
  return clampView(view.start + frames, view.end + frames, total);
}

export function isWhole(view, total) {
  return view.end - view.start >= total - 1e-6;
}

// A view that holds `frame`, moved no farther than needed.
export function followView(view, frame, total) {
  const length = view.end - view.start;
  if (frame >= view.start && frame <= view.end) return view;
  const start = frame < view.start ? frame - 0.1 * length : frame - 0.9 * length;
  return clampView(start, start + length, total);
}

// Round times for the ruler, at most `most` of them.
export function rulerTimes(from, to, most) {
  const least = (to - from) / Math.max(most, 1);
  const unit = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= least * 0.999);
  const times = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + 1e-9; i++) {
    times.push(i * step);
  }
  return { times, step };
}
