// The bodies at the current time, on a canvas, in perspective.

import { closer, facingOf, frontView, gridStep, projection, sceneOf, turned } from './camera.js';
import { byId, oncePerFrame } from './dom.js';

export function setUpSkeleton(data, store) {
  const canvas = byId('skeleton');
  const draw = oncePerFrame(() => {
    const { poses, camera, frame, video } = store.state;
    const size = fitCanvas(canvas);
    if (!poses || !size) return;
    const context = canvas.getContext('2d');
    context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    const { scene } = poses;
    const middle = middleAt(poses, frame);
    const project = projection(camera, scene, middle, size.width, size.height);
    const colors = readColors();
    if (!poses.flat) drawGrid(context, project, scene, middle, colors);
    const topology = data.topologies[video.poses.topology];
    drawBodies(context, project, poses, frame, topology, colors);
  });
  store.on(['poses', 'camera', 'frame'], draw);
  store.on(['poses', 'loading'], ({ poses, loading, video }) => {
    canvas.hidden = !poses;
    byId('no-skeleton').hidden = Boolean(poses);
    byId('camera-reset').hidden = !poses;
    byId('no-skeleton').textContent = loading && video.poses
      ? 'Unpacking the skeleton …'
      : 'This report has no skeleton of this video.';
  });
  new ResizeObserver(draw).observe(canvas.parentElement);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  setUpOrbit(canvas, store);
  byId('camera-reset').addEventListener('click', () => resetCamera(store));
}

export function resetCamera(store) {
  const { poses } = store.state;
  store.set({ camera: frontView(poses?.flat, poses?.scene.facing) });
}

export function withScene(poses, topology) {
  const facing = facingOf(poses, topology.sides);
  return { ...poses, scene: { ...sceneOf(poses), facing } };
}

function fitCanvas(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const { width, height } = canvas.getBoundingClientRect();
  if (!width || !height) return null;
  const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixels[0]) canvas.width = pixels[0];
  if (canvas.height !== pixels[1]) canvas.height = pixels[1];
  return { ratio, width, height };
}

function readColors() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    sides: [read('--left'), read('--middle'), read('--right')],
    grid: read('--grid'), ink: read('--ink'),
  };
}

function middleAt({ scene, stride, T }, frame) {
  const place = Math.min(Math.max(frame / stride, 0), T - 1);
  const before = Math.floor(place);
  const after = Math.min(before + 1, T - 1);
  const [x, z] = [0, 1].map((i) => {
    const [a, b] = [scene.path[2 * before + i], scene.path[2 * after + i]];
    return a + (place - before) * (b - a);
  });
  return [x, scene.floor(x, z) + 0.5 * scene.height, z];
}

// The lines stay where they are in the room, the more so as the camera moves.
function drawGrid(context, project, scene, middle, colors) {
  const step = gridStep(scene.radius);
  const reach = Math.ceil((2.2 * scene.radius) / step) * step;
  const [x0, z0] = [middle[0], middle[2]].map((v) => Math.round(v / step) * step);
  const onFloor = (x, z) => project(x, scene.floor(x, z), z);
  context.strokeStyle = colors.grid;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = -reach; at <= reach + step / 2; at += step) {
    line(context, onFloor(x0 + at, z0 - reach), onFloor(x0 + at, z0 + reach));
    line(context, onFloor(x0 - reach, z0 + at), onFloor(x0 + reach, z0 + at));
  }
  context.stroke();
}

function line(context, from, to) {
  context.moveTo(from[0], from[1]);
  context.lineTo(to[0], to[1]);
}

// Between two stored poses the joints go straight.
function poseAt(poses, frame) {
  const place = Math.min(Math.max(frame / poses.stride, 0), poses.T - 1);
  const before = Math.floor(place);
  const after = Math.min(before + 1, poses.T - 1);
  const share = place - before;
  const size = poses.M * poses.V * 3;
  const out = new Float32Array(size);
  for (let m = 0; m < poses.M; m++) {
    const both = poses.present[m * poses.T + after];
    const use = both ? share : 0;
    for (let i = m * poses.V * 3; i < (m + 1) * poses.V * 3; i++) {
      const a = poses.joints[before * size + i];
      out[i] = a + use * (poses.joints[after * size + i] - a);
    }
  }
  return { joints: out, before };
}

function drawBodies(context, project, poses, frame, topology, colors) {
  const { joints, before } = poseAt(poses, frame);
  const bones = [];
  const points = [];
  for (let m = 0; m < poses.M; m++) {
    if (!poses.present[m * poses.T + before]) continue;
    const at = Array.from({ length: poses.V }, (_, v) => {
      const i = (m * poses.V + v) * 3;
      return project(joints[i], joints[i + 1], joints[i + 2]);
    });
    topology.parents.forEach((parent, v) => {
      const color = colors.sides[topology.sides[v] + 1];
      points.push({ at: at[v], color });
      if (parent >= 0) bones.push({ from: at[v], to: at[parent], color, person: m });
    });
    if (poses.M > 1) nameBody(context, at, m, colors);
  }
  bones.sort((a, b) => a.from[2] + a.to[2] - b.from[2] - b.to[2]);
  const thick = 0.05 * poses.scene.radius;
  for (const bone of bones) drawBone(context, bone, thick);
  for (const { at, color } of points) {
    context.fillStyle = color;
    context.beginPath();
    context.arc(at[0], at[1], Math.max(1.8, 0.42 * thick * at[2]), 0, 7);
    context.fill();
  }
}

// The first person is solid, the second dashed, the third dotted.
function drawBone(context, bone, thick) {
  context.strokeStyle = bone.color;
  context.lineCap = 'round';
  context.lineWidth = Math.max(1.4, Math.min(7, thick * bone.from[2] * 0.55));
  context.setLineDash([[], [7, 6], [1, 6]][Math.min(bone.person, 2)]);
  context.beginPath();
  line(context, bone.from, bone.to);
  context.stroke();
  context.setLineDash([]);
}

function nameBody(context, at, person, colors) {
  const top = at.reduce((best, point) => (point[1] < best[1] ? point : best));
  context.fillStyle = colors.ink;
  context.font = '600 13px system-ui, sans-serif';
  context.textAlign = 'center';
  context.fillText(String(person + 1), top[0], top[1] - 9);
}

function setUpOrbit(canvas, store) {
  const fingers = new Map();
  let pinch = 0;
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    pinch = 0;
  });
  canvas.addEventListener('pointermove', (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    const { camera } = store.state;
    if (fingers.size === 2) {
      const [a, b] = [...fingers.values()];
      const now = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (pinch) store.set({ camera: closer(camera, now / pinch) });
      pinch = now;
      return;
    }
    const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
    store.set({ camera: turned(camera, dx * 0.01, dy * 0.01) });
  });
  const release = (event) => fingers.delete(event.pointerId);
  canvas.addEventListener('pointerup', release);
  canvas.addEventListener('pointercancel', release);
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    const factor = Math.exp(-event.deltaY / 500);
    store.set({ camera: closer(store.state.camera, factor) });
  }, { passive: false });
}
