// The map as the server has it, and who lies where: by a tree, since there may be very many.

import KDBush from "../vendor/kdbush.js";
import { onMap, pixelsOf } from "./camera.js";
import { CHOSEN, DIMMED, DISC, DIAMOND, HIDDEN, SHOWN, SQUARE } from "./points.js";

const SHAPES = { image: SQUARE, sound: DISC, video: DIAMOND };

/** Make of the server's columns what is drawn and searched. */
export function read(columns) {
  const n = columns.ids.length;
  const places = new Float32Array(2 * n);
  const tree = new KDBush(n, 64, Float32Array);
  for (let i = 0; i < n; i += 1) {
    places[2 * i] = columns.x[i];
    places[2 * i + 1] = columns.y[i];
    tree.add(columns.x[i], columns.y[i]);
  }
  tree.finish();
  const box = n === 0 ? [-1, -1, 1, 1] : [least(columns.x), least(columns.y), most(columns.x), most(columns.y)];
  const shapes = Uint8Array.from(columns.kind, (kind) => SHAPES[columns.kinds[kind]]);
  return { ...columns, n, box, places, shapes, tree, rowOf: new Map(columns.ids.map((id, i) => [id, i])) };
}

/** What is seen of each point, and in which order they lie over each other: what has a name over what has none. */
export function dressed(map, { of, groups }, { lit, kinds, selected, colours }) {
  const states = new Uint8Array(map.n);
  const worn = new Uint8Array(4 * map.n);
  const layers = [[], [], [], []];
  const isLit = groups.map(({ key }) => lit.size === 0 || lit.has(key));
  for (let i = 0; i < map.n; i += 1) {
    const group = of[i];
    worn.set(colours[group], 4 * i);
    if (kinds.size && !kinds.has(map.kinds[map.kind[i]])) states[i] = HIDDEN;
    else if (selected.has(map.ids[i])) states[i] = CHOSEN;
    else states[i] = isLit[group] ? SHOWN : DIMMED;
    layers[states[i] === SHOWN ? (groups[group].key === "none" ? 1 : 2) : states[i] === CHOSEN ? 3 : 0].push(i);
  }
  return { colours: worn, states, order: Uint32Array.from(layers.flat()) };
}

// By hand: as arguments of Math.min there would be too many.
const least = (values) => values.reduce((found, one) => (one < found ? one : found), Infinity);
const most = (values) => -least(values.map((one) => -one));

const isSeen = (states, i) => states[i] >= SHOWN;

/** The point that is nearest to a place of the screen, within so many pixels; -1 for none. */
export function pointed(map, states, camera, left, top, pixels) {
  const [x, y] = onMap(camera, left, top);
  return nearest(map, map.tree.within(x, y, pixels / pixelsOf(camera)).filter((i) => isSeen(states, i)), x, y);
}

/** The nearest point in a direction from another, as one sees it; -1 where there is none. */
export function towards(map, states, from, [right, up]) {
  const [x, y] = map.places.subarray(2 * from, 2 * from + 2);
  for (let far = 0.02; far < 8; far *= 2) {
    const there = map.tree.within(x, y, far).filter((i) => {
      if (i === from || !isSeen(states, i)) return false;
      const [dx, dy] = [map.places[2 * i] - x, map.places[2 * i + 1] - y];
      const along = dx * right + dy * up;
      return along > 0 && along >= Math.abs(dx * up - dy * right);
    });
    if (there.length) return nearest(map, there, x, y);
  }
  return -1;
}

/** The ids of the points within a line around them, [[left, top], ...] on the screen. */
export function within(map, states, camera, line) {
  const around = line.map(([left, top]) => onMap(camera, left, top));
  const [xs, ys] = [around.map(([x]) => x), around.map(([, y]) => y)];
  const found = map.tree.range(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
  return found
    .filter((i) => isSeen(states, i) && isInside(around, map.places[2 * i], map.places[2 * i + 1]))
    .map((i) => map.ids[i]);
}

function nearest(map, among, x, y) {
  let [best, least] = [-1, Infinity];
  for (const i of among) {
    const far = (map.places[2 * i] - x) ** 2 + (map.places[2 * i + 1] - y) ** 2;
    if (far < least) [best, least] = [i, far];
  }
  return best;
}

function isInside(around, x, y) {
  let isIn = false;
  for (let i = 0, j = around.length - 1; i < around.length; j = i, i += 1) {
    const [[ax, ay], [bx, by]] = [around[i], around[j]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) isIn = !isIn;
  }
  return isIn;
}
