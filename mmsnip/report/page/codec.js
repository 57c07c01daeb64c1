// Skeletons and scores out of the text blocks; mmsnip/report/skeletons.py
// wrote them.

import { byId } from './dom.js';

export async function unpackText(id) {
  if (typeof DecompressionStream === 'undefined') {
    throw new Error('this browser is older than 2023, it lacks DecompressionStream');
  }
  const text = atob(byId(id).textContent);
  const bytes = Uint8Array.from(text, (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes])
    .stream()
    .pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Positions of pose t: joints[((t * M + m) * V + v) * 3 + axis].
export function decodePoses(about, bytes) {
  const [M, T, V] = about.shape;
  const count = M * V * 3 * T;
  const joints = new Float32Array(count);
  let place = 0;
  for (let m = 0; m < M; m++) {
    for (let v = 0; v < V; v++) {
      for (let axis = 0; axis < 3; axis++) {
        let level = 0;
        for (let t = 0; t < T; t++, place++) {
          level += ((bytes[place] | (bytes[count + place] << 8)) << 16) >> 16;
          joints[((t * M + m) * V + v) * 3 + axis] =
            about.origin[axis] + about.step * level;
        }
      }
    }
  }
  const present = bytes.subarray(2 * count);
  return { M, T, V, stride: about.stride, flat: about.flat, joints, present };
}

export function decodeScores(about, bytes) {
  const curves = about.columns.map((column, row) => {
    const values = new Float32Array(about.length);
    let level = 0;
    for (let t = 0; t < about.length; t++) {
      level = (level + bytes[row * about.length + t]) & 255;
      values[t] = level / 255;
    }
    return { column, values };
  });
  return { stride: about.stride, curves };
}
