// What is known of the point that is looked at: how it looks, what it is called, and what is really near.

import { html, useEffect } from "../vendor/htm-preact.js";
import { onScreen } from "./camera.js";
import { after, useLoaded } from "./loading.js";
import { outline } from "./waves.js";
import { baseOf, folderOf, hundredths, percent } from "./wording.js";

const PATIENCE_MS = 120;
const NEIGHBOURS = 8;
const MOST_KEPT = 500;
const WIDTH_PX = 270;
const kept = new Map();

/** What the server says of a point that is looked at for a moment: {item, near: [{id, similarity}]}. */
export function useKnown(api, map, i, changed) {
  const id = map && i >= 0 ? map.ids[i] : null;
  useEffect(() => kept.clear(), [changed, map]);
  const load = async (signal) => {
    if (id === null) return null;
    await after(PATIENCE_MS, signal);
    if (!kept.has(id)) {
      if (kept.size >= MOST_KEPT) kept.clear();
      const asked = Promise.all([api.read(`/items/${id}`), api.read(`/items/${id}/neighbours`, { n: NEIGHBOURS })]);
      asked.catch(() => kept.delete(id));
      kept.set(id, asked);
    }
    const [item, { hits }] = await kept.get(id);
    return { item: { ...item, id }, near: hits };
  };
  const { value, problem } = useLoaded(load, [id, changed, map]);
  if (problem) return { problem, near: [] };
  return value?.item.id === id ? value : null;
}

function Looks({ api, item }) {
  const load = async () => (item.kind === "sound" ? (await api.waveformOf(item)).peaks : []);
  const peaks = useLoaded(load, [item.id]).value ?? [];
  if (item.kind !== "sound") return html`<img src=${api.thumbnailOf(item)} alt="" draggable=${false} />`;
  const { n, d } = outline(peaks);
  return html`<svg viewBox="0 0 ${n || 1} 100" preserveAspectRatio="none" aria-hidden="true"><path d=${d} /></svg>`;
}

/** Beside a point, on the side where its neighbours are not, if there is room. */
function beside(map, i, near, camera) {
  const at = (row) => onScreen(camera, map.places[2 * row], map.places[2 * row + 1]);
  const [left, top] = at(i);
  const lefts = near.map(({ id }) => map.rowOf.get(id)).filter((row) => row !== undefined).map((row) => at(row)[0]);
  const isLeft = lefts.length > 0 && lefts.reduce((sum, one) => sum + one, 0) / lefts.length > left;
  const goesLeft = isLeft ? left > WIDTH_PX : left + WIDTH_PX > camera.width;
  const isLow = top > camera.height / 2;
  return {
    [goesLeft ? "right" : "left"]: `${(goesLeft ? camera.width - left : left) + 16}px`,
    [isLow ? "bottom" : "top"]: `${Math.max(8, (isLow ? camera.height - top : top) - 24)}px`,
  };
}

const says = ({ label, origin, confidence }) =>
  origin === "transfer" && confidence !== null ? `${label} ${percent(confidence)}` : label;

export function Card({ api, map, i, known, camera, isHeld, onOpen, onAsk }) {
  if (!known) return null;
  const place = beside(map, i, known.near, camera);
  if (known.problem) return html`<div class="map-card" style=${place} role="alert"><p>${known.problem.message}</p></div>`;
  const { item, near } = known;
  return html`
    <div class="map-card" style=${place} data-held=${isHeld}>
      <div class="map-looks"><${Looks} api=${api} item=${item} /></div>
      <p class="map-name">${baseOf(item.path)}</p>
      <p class="map-path">${folderOf(item.path)}</p>
      <p class="map-labels">${item.labels.map((one) => html`<span class=${one.origin}>${says(one)}</span>`)}${item.labels.length ? "" : "no label"}</p>
      ${near.length > 0 && html`<p class="map-near">nearest: ${baseOf(near[0].path)} (${hundredths(near[0].similarity)})</p>`}
      ${isHeld && html`<div class="map-acts">
        <button type="button" onClick=${() => onOpen(item)}>Open</button>
        <button type="button" onClick=${() => onAsk(item)}>What is like it?</button>
      </div>`}
    </div>`;
}

/** In one sentence, for those who hear the page. */
export function told({ item, near, problem }) {
  if (problem) return problem.message;
  const names = item.labels.map(says);
  const called = names.length ? `called ${names.join(", ")}` : "no label";
  return `${baseOf(item.path)}, ${item.kind}, ${called}${near.length ? `, nearest ${baseOf(near[0].path)}` : ""}`;
}
