// A camera that walks around the middle of a scene: pure arithmetic.

const DEFAULT = { yaw: 0.4, pitch: 0.18, closeness: 1 };

// A little beside the front of the first person.
export function frontView(flat, facing = 0) {
  if (flat) return { yaw: 0, pitch: 0, closeness: 1 };
  return { ...DEFAULT, yaw: facing + DEFAULT.yaw };
}

// Yaw of a camera that the first person looks at, from left and right joints.
export function facingOf(poses, sides) {
  let [x, z] = [0, 0];
  for (let t = 0; t < poses.T; t++) {
    if (!poses.present[t]) continue;
    const first = t * poses.M * poses.V * 3;
    sides.forEach((side, v) => {
      x -= side * poses.joints[first + 3 * v];
      z -= side * poses.joints[first + 3 * v + 2];
    });
  }
  return x || z ? Math.atan2(z, x) : 0;
}

export function turned(camera, yaw, pitch) {
  const limit = Math.PI / 2 - 0.02;
  return {
    ...camera,
    yaw: camera.yaw + yaw,
    pitch: Math.min(Math.max(camera.pitch + pitch, -limit), limit),
  };
}

export function closer(camera, factor) {
  const closeness = Math.min(Math.max(camera.closeness * factor, 0.3), 8);
  return { ...camera, closeness };
}

// The floor, how large the bodies of a moment are together, and where they
// are: a calm path that the camera follows, x and z of each pose. Cameras are
// seldom level, so that the floor is a plane: y = level + tilt · (x, z).
export function sceneOf(poses) {
  const boxes = Array.from({ length: poses.T }, (_, t) => boxAt(poses, t));
  const seen = boxes.filter(Boolean);
  if (!seen.length) {
    const path = new Float32Array(2 * poses.T);
    return { floor: () => 0, height: 1, radius: 1, path };
  }
  const radii = seen.map(([low, high]) =>
    Math.hypot(...low.map((value, i) => high[i] - value)) / 2);
  const radius = Math.max(quantile(radii, 0.9), 1e-6);
  const heights = seen.map(([low, high]) => high[1] - low[1]);
  return {
    radius, floor: floorUnder(seen, radius), height: quantile(heights, 0.9),
    path: calmPath(boxes, poses),
  };
}

// Plane through the lowest points; level where nobody walks far.
function floorUnder(boxes, radius) {
  const points = boxes.map(([low, high]) =>
    [(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2]);
  const mean = [0, 1, 2].map((i) =>
    points.reduce((sum, point) => sum + point[i], 0) / points.length);
  const ridge = points.length * (0.15 * radius) ** 2;
  let [xx, xz, zz, xy, zy] = [ridge, 0, ridge, 0, 0];
  for (const point of points) {
    const [x, y, z] = point.map((value, i) => value - mean[i]);
    xx += x * x;
    xz += x * z;
    zz += z * z;
    xy += x * y;
    zy += z * y;
  }
  const det = xx * zz - xz * xz;
  const slopeX = (xy * zz - zy * xz) / det;
  const slopeZ = (zy * xx - xy * xz) / det;
  return (x, z) => mean[1] + slopeX * (x - mean[0]) + slopeZ * (z - mean[2]);
}

function boxAt({ M, T, V, joints, present }, t) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let m = 0; m < M; m++) {
    if (!present[m * T + t]) continue;
    const first = (t * M + m) * V * 3;
    for (let i = 0; i < V * 3; i++) {
      low[i % 3] = Math.min(low[i % 3], joints[first + i]);
      high[i % 3] = Math.max(high[i % 3], joints[first + i]);
    }
  }
  return low[0] <= high[0] ? [low, high] : null;
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))];
}

// Middles of the boxes, smoothed forward and backward.
function calmPath(boxes, poses) {
  const path = new Float32Array(2 * poses.T);
  const [low0, high0] = boxes.find(Boolean);
  let [x, z] = [(low0[0] + high0[0]) / 2, (low0[2] + high0[2]) / 2];
  boxes.forEach((box, t) => {
    if (box) [x, z] = [(box[0][0] + box[1][0]) / 2, (box[0][2] + box[1][2]) / 2];
    path.set([x, z], 2 * t);
  });
  const keep = 0.85;
  for (let i = 2; i < path.length; i++) {
    path[i] = keep * path[i - 2] + (1 - keep) * path[i];
  }
  for (let i = path.length - 3; i >= 0; i--) {
    path[i] = keep * path[i + 2] + (1 - keep) * path[i];
  }
  return path;
}

// Function from a point to [x, y, pixels a unit] on a canvas.
export function projection(camera, scene, middle, width, height) {
  const [sy, cy] = [Math.sin(camera.yaw), Math.cos(camera.yaw)];
  const [sp, cp] = [Math.sin(camera.pitch), Math.cos(camera.pitch)];
  const distance = 4 * scene.radius;
  const fit = (0.42 * Math.min(width, height)) / scene.radius;
  const zoom = fit * camera.closeness * distance;
  return (x, y, z) => {
    const [dx, dy, dz] = [x - middle[0], y - middle[1], z - middle[2]];
    const right = cy * dx + sy * dz;
    const ahead = -sy * dx + cy * dz;
    const up = cp * dy - sp * ahead;
    const depth = distance - (sp * dy + cp * ahead);
    const scale = zoom / Math.max(depth, 0.1 * distance);
    return [width / 2 + right * scale, height / 2 - up * scale, scale];
  };
}

export function gridStep(radius) {
  const unit = 10 ** Math.floor(Math.log10(radius / 2));
  return [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= radius / 3);
}
