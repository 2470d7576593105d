// Where on the screen a place of the map lies. Places have y upwards; the screen is in CSS pixels.

const MARGIN = 0.88;
const MOST_ZOOM = 4000;
const LEAST_ZOOM = 0.5;
const NARROWEST = 1e-3;

/** Everything in sight: all that lies in a box [left, bottom, right, top] of the map. */
export function whole(width, height, box) {
  const [left, bottom, right, top] = box;
  return { width, height, box, x: (left + right) / 2, y: (bottom + top) / 2, zoom: 1 };
}

export const resized = (camera, width, height) => ({ ...camera, width, height });

/** Pixels from 0 to 1. */
export function pixelsOf({ width, height, zoom, box: [left, bottom, right, top] }) {
  const fits = Math.min(width / Math.max(right - left, NARROWEST), height / Math.max(top - bottom, NARROWEST));
  return Math.max(1, Math.min(fits, Math.max(width, height)) * MARGIN * zoom);
}

export function onScreen(camera, x, y) {
  const scale = pixelsOf(camera);
  return [camera.width / 2 + (x - camera.x) * scale, camera.height / 2 - (y - camera.y) * scale];
}

export function onMap(camera, left, top) {
  const scale = pixelsOf(camera);
  return [camera.x + (left - camera.width / 2) / scale, camera.y - (top - camera.height / 2) / scale];
}

/** Zoom so that what lies at a place of the screen stays there. */
export function zoomed(camera, factor, left = camera.width / 2, top = camera.height / 2) {
  const [x, y] = onMap(camera, left, top);
  const next = { ...camera, zoom: Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, camera.zoom * factor)) };
  const scale = pixelsOf(next);
  return { ...next, x: x - (left - camera.width / 2) / scale, y: y + (top - camera.height / 2) / scale };
}

export function panned(camera, left, top) {
  const scale = pixelsOf(camera);
  return { ...camera, x: bounded(camera.x - left / scale), y: bounded(camera.y + top / scale) };
}

/** Move no farther than is needed for a place to be in sight. */
export function showing(camera, x, y, margin = 48) {
  const [left, top] = onScreen(camera, x, y);
  const by = (at, end) => (at < margin ? margin - at : at > end - margin ? end - margin - at : 0);
  return panned(camera, by(left, camera.width), by(top, camera.height));
}

const bounded = (at) => Math.min(1.5, Math.max(-1.5, at));
