// The map: the space in two dimensions. Since two dimensions lie, lines lead to the true neighbours.

import { html, render, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/htm-preact.js";
import { onScreen, panned, resized, showing, whole, zoomed } from "./camera.js";
import { Card, told, useKnown } from "./map_card.js";
import { BY, bytesOf, grouped, kindSays, palette } from "./map_colours.js";
import { dressed, pointed, read as readMap, towards, within } from "./map_data.js";
import { useGestures } from "./map_gestures.js";
import { Points } from "./points.js";

const REACH_PX = 14;
const PLAY_AFTER_MS = 250;
const ALPHA = 225;
const METHODS = { pca: "by what differs most (PCA)", umap: "by neighbours (UMAP)" };
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const SHAPES = {
  image: html`<rect x="2" y="2" width="8" height="8" />`,
  sound: html`<circle cx="6" cy="6" r="4.6" />`,
  video: html`<path d="M6 .8 11.2 6 6 11.2.8 6z" />`,
};

const nothing = () => {};

function useDark() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const look = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const [isDark, setDark] = useState(look);
  useEffect(() => {
    const again = () => setDark(look());
    const watcher = new MutationObserver(again);
    watcher.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    system.addEventListener("change", again);
    return () => (watcher.disconnect(), system.removeEventListener("change", again));
  }, []);
  return isDark;
}

/** Ask for the map; the one before stays while the next is made. */
function useMap(api, method, changed) {
  const [state, setState] = useState({ map: null, problem: null, isMaking: true });
  useEffect(() => {
    const asking = new AbortController();
    setState((before) => ({ ...before, problem: null, isMaking: true }));
    api.read("/map", { method }, { signal: asking.signal }).then(
      (columns) => setState({ map: readMap(columns), problem: null, isMaking: false }),
      (problem) => asking.signal.aborted || setState((before) => ({ ...before, problem, isMaking: false })),
    );
    return () => asking.abort();
  }, [method, changed]);
  return state;
}

function Swatch({ shape, colour }) {
  return html`<svg class="map-swatch" viewBox="0 0 12 12" aria-hidden="true" style=${{ fill: colour }}>${SHAPES[shape]}</svg>`;
}

/** Groups to light up, and kinds to show alone. */
function Legend({ map, groups, by, lit, kinds, onLight, onKinds }) {
  const toggled = (set, key) => new Set(set.has(key) ? [...set].filter((one) => one !== key) : [...set, key]);
  const counts = map.kinds.map((_, number) => map.kind.reduce((n, kind) => n + (kind === number), 0));
  return html`
    <div class="map-legend">
      ${by !== "kind" && html`<div role="group" aria-label="Colours">${groups.filter(({ n }) => n).map(({ key, says, colour, n }) => html`
        <button type="button" key=${key} aria-pressed=${lit.has(key)} onClick=${() => onLight(toggled(lit, key))}>
          <${Swatch} shape="sound" colour=${colour} /><span class="map-says">${says}</span><span class="map-count">${n.toLocaleString("en")}</span>
        </button>`)}</div>`}
      <div role="group" aria-label="Kinds">${map.kinds.map((kind, number) => counts[number] > 0 && html`
        <button type="button" key=${kind} aria-pressed=${kinds.has(kind)} onClick=${() => onKinds(toggled(kinds, kind))}>
          <${Swatch} shape=${kind} colour=${by === "kind" ? groups[number].colour : "currentColor"} /><span class="map-says">${kindSays(kind)}</span><span class="map-count">${counts[number].toLocaleString("en")}</span>
        </button>`)}</div>
    </div>`;
}

/** Lines to the true neighbours, the point that is looked at, and the line that is drawn around points. */
function Overlay({ map, camera, i, near, line }) {
  const at = (row) => onScreen(camera, map.places[2 * row], map.places[2 * row + 1]);
  const rows = near.map((hit) => [hit, map.rowOf.get(hit.id)]).filter(([, row]) => row !== undefined && row !== i);
  const here = i >= 0 ? at(i) : null;
  return html`
    <svg class="map-overlay" aria-hidden="true">
      ${here && rows.map(([hit, row]) => html`<line key=${hit.id} x1=${here[0]} y1=${here[1]} x2=${at(row)[0]} y2=${at(row)[1]} opacity=${Math.max(0.25, hit.similarity)} />`)}
      ${here && html`<circle cx=${here[0]} cy=${here[1]} r="10" />`}
      ${line.length > 1 && html`<polygon points=${line.map((place) => place.join(",")).join(" ")} />`}
    </svg>`;
}

function useSize(element, onSize) {
  useLayoutEffect(() => {
    const look = () => onSize(element.current.clientWidth, element.current.clientHeight);
    const watcher = new ResizeObserver(look);
    watcher.observe(element.current);
    look();
    return () => watcher.disconnect();
  }, []);
}

/** Draw the points on a canvas, and what they look like now. */
function useDrawing(canvas, map, worn, ring, camera, usesWebGL) {
  const drawing = useRef();
  useLayoutEffect(() => {
    drawing.current = new Points(canvas.current, { usesWebGL });
    return () => drawing.current.close();
  }, []);
  useLayoutEffect(() => map && drawing.current.place(map.places, map.shapes), [map]);
  useLayoutEffect(() => {
    if (!worn) return;
    drawing.current.ring = bytesOf(ring);
    drawing.current.dress(worn.colours, worn.states, worn.order);
  }, [worn, ring]);
  useLayoutEffect(() => drawing.current.draw(camera), [camera, map]);
}

/** Play what is looked at for a moment, and stop when it no longer is. */
function usePlaying(player, known, plays) {
  const item = known?.item;
  useEffect(() => {
    if (!item || item.kind === "image" || !plays) return undefined;
    const later = setTimeout(() => player.play(item), PLAY_AFTER_MS);
    return () => (clearTimeout(later), player.stop());
  }, [item?.id, plays]);
}

/**
 * The map of an index.
 *
 * `api` has read(path, parameters, options), thumbnailOf(item) and waveformOf(item); `player`, play(item), stop() and
 * toggle(item). `labels` come first among the colours. `changed` moves when labels or items have. `onLook` is told what is
 * pointed at, or null.
 */
export function MapView({
  api, player = { play: nothing, stop: nothing, toggle: nothing }, labels = [], selected = new Set(), changed = 0,
  playsOnHover = true, usesWebGL = true, onSelect = nothing, onOpen = nothing, onAsk = nothing, onLook = nothing,
}) {
  const [method, setMethod] = useState("pca");
  const [by, setBy] = useState("label");
  const [lit, setLit] = useState(new Set());
  const [kinds, setKinds] = useState(new Set());
  const [draws, setDraws] = useState(false);
  const { map, problem, isMaking } = useMap(api, method, changed);
  const isDark = useDark();
  const groups = useMemo(() => map && grouped(map, by, { isDark, first: labels }), [map, by, isDark, labels.join("\n")]);
  const worn = useMemo(() => {
    if (!map) return null;
    const colours = groups.groups.map(({ colour }) => [...bytesOf(colour), ALPHA]);
    return dressed(map, groups, { lit, kinds, selected, colours });
  }, [map, groups, lit, kinds, selected]);
  const colour = (key) => (setBy(key), setLit(new Set()));
  return html`
    <section class="map" aria-label="Map">
      <div class="map-bar">
        <div class="choice" role="group" aria-label="Colour by">${BY.map(([key, says]) => html`
          <button type="button" key=${key} aria-pressed=${by === key} onClick=${() => colour(key)}>${says}</button>`)}</div>
        <div class="choice" role="group" aria-label="Dragging">
          <button type="button" aria-pressed=${!draws} onClick=${() => setDraws(false)}>Move</button>
          <button type="button" aria-pressed=${draws} onClick=${() => setDraws(true)}>Lasso</button>
        </div>
        ${map?.methods.length > 1 && html`<select class="map-method" aria-label="Lay out" value=${method} onChange=${(event) => setMethod(event.currentTarget.value)}>
          ${map.methods.map((one) => html`<option key=${one} value=${one}>${METHODS[one]}</option>`)}</select>`}
        <p class="map-told" role="status">${toldOf(map, isMaking, selected)}</p>
      </div>
      ${problem && html`<p class="problem" role="alert">${problem.message}</p>`}
      <${Stage} ...${{ api, player, map, worn, ring: palette(isDark).ring, draws, selected, changed, playsOnHover, usesWebGL, onSelect, onOpen, onAsk, onLook }} />
      ${map && map.n > 0 && html`<${Legend} map=${map} groups=${groups.groups} by=${by} lit=${lit} kinds=${kinds} onLight=${setLit} onKinds=${setKinds} />`}
    </section>`;
}

function toldOf(map, isMaking, selected) {
  if (isMaking) return map ? "Making the map anew…" : "Making the map…";
  if (!map) return "";
  if (selected.size) return `${selected.size.toLocaleString("en")} selected`;
  const unplaced = map.unplaced ? `, ${map.unplaced.toLocaleString("en")} without a place` : "";
  return `${map.n.toLocaleString("en")} ${map.n === 1 ? "item" : "items"}${unplaced}`;
}

function Stage({ api, player, map, worn, ring, draws, selected, changed, playsOnHover, usesWebGL, onSelect, onOpen, onAsk, onLook }) {
  const [stage, canvas] = [useRef(), useRef()];
  const [size, setSize] = useState(null);
  const [camera, setCamera] = useState(null);
  const [looked, setLooked] = useState({ i: -1, isHeld: false });
  const [line, setLine] = useState([]);
  useSize(stage, (width, height) => setSize([width, height]));
  useLayoutEffect(() => setCamera((before) => before && size && resized(before, ...size)), [size]);
  // A map that is made in another way is seen as a whole; one that has changed, as the one before.
  useLayoutEffect(() => {
    if (map && size) setCamera((before) => (before?.method === map.method ? before : { ...whole(...size, map.box), method: map.method }));
  }, [map, size !== null]);
  useDrawing(canvas, map, worn, ring, camera, usesWebGL);
  useEffect(() => setLooked({ i: -1, isHeld: false }), [map]);
  const i = map && looked.i < map.n ? looked.i : -1;
  const known = useKnown(api, map, i, changed);
  usePlaying(player, known, playsOnHover);
  useEffect(() => onLook(known?.item ?? null), [known?.item]);
  const find = (left, top, reach = REACH_PX) => (map && camera ? pointed(map, worn.states, camera, left, top, reach) : -1);
  const look = (at, isHeld) => setLooked((before) => (before.i === at && before.isHeld === isHeld ? before : { i: at, isHeld }));
  const choose = (ids, adds) => onSelect(new Set(adds ? [...selected, ...ids] : ids));

  useGestures(stage, {
    onPan: (left, top) => setCamera((before) => before && panned(before, left, top)),
    onZoom: (factor, left, top) => setCamera((before) => before && zoomed(before, factor, left, top)),
    onPoint: (left, top) => look(find(left, top), false),
    onLeave: () => look(-1, false),
    onClick: (left, top, event) => {
      const at = find(left, top, event.pointerType === "touch" ? 2 * REACH_PX : REACH_PX);
      if (at < 0) look(-1, false);
      else if (event.ctrlKey || event.metaKey || event.shiftKey) toggle(at);
      else if (event.pointerType === "touch" && looked.i !== at) look(at, true);
      else onOpen({ id: map.ids[at] });
    },
    onLasso: (drawn, isDone, event) => {
      setLine(isDone ? [] : drawn);
      if (isDone && map && camera && drawn.length > 2) choose(within(map, worn.states, camera, drawn), event.ctrlKey || event.metaKey);
    },
  }, { draws });

  const toggle = (at) => {
    const id = map.ids[at];
    onSelect(new Set(selected.has(id) ? [...selected].filter((one) => one !== id) : [...selected, id]));
  };
  const step = (direction) => {
    const next = i < 0 ? find(camera.width / 2, camera.height / 2, camera.width + camera.height) : towards(map, worn.states, i, direction);
    if (next < 0) return;
    setCamera((before) => showing(before, map.places[2 * next], map.places[2 * next + 1]));
    look(next, true);
  };
  const keys = {
    Enter: () => i >= 0 && onOpen({ id: map.ids[i] }),
    " ": () => known?.item && known.item.kind !== "image" && player.toggle(known.item),
    x: () => i >= 0 && toggle(i),
    l: () => known?.item && onAsk(known.item),
    "+": () => setCamera((before) => zoomed(before, 1.4)),
    "-": () => setCamera((before) => zoomed(before, 1 / 1.4)),
    0: () => setCamera((before) => ({ ...whole(before.width, before.height, map.box), method: map.method })),
    Escape: () => (selected.size ? onSelect(new Set()) : look(-1, false)),
    ...Object.fromEntries(Object.entries(ARROWS).map(([key, direction]) => [key, () => step(direction)])),
  };
  const press = (event) => {
    const act = keys[event.key === "=" ? "+" : event.key];
    if (!map || !camera || !act || event.target !== stage.current || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  };
  return html`
    <div class="map-room">
      <div class="map-stage" ref=${stage} tabindex="0" role="application" data-draws=${draws} onKeyDown=${press}
        aria-label="Map: arrows go to neighbours, Enter opens, x selects, plus and minus zoom">
        <canvas ref=${canvas}></canvas>
        ${map && camera && html`<${Overlay} map=${map} camera=${camera} i=${i} near=${known?.near ?? []} line=${line} />`}
      </div>
      ${map && camera && i >= 0 && html`<${Card} api=${api} map=${map} i=${i} known=${known} camera=${camera} isHeld=${looked.isHeld} onOpen=${onOpen} onAsk=${onAsk} />`}
      ${map && map.n === 0 && html`<p class="map-empty">No item has a place.</p>`}
      <p class="unseen" role="status">${known && looked.isHeld ? told(known) : ""}</p>
    </div>`;
}

/** Show a map in an element of any page; what is selected is kept here. Returns {update(changes), close()}. */
export function mountMap(element, options) {
  let props = { selected: new Set(), ...options };
  const draw = () => render(html`<${MapView} ...${props} onSelect=${select} />`, element);
  const select = (selected) => {
    props = { ...props, selected };
    draw();
    options.onSelect?.([...selected]);
  };
  draw();
  return {
    update: (changes) => ((props = { ...props, ...changes }), draw()),
    close: () => render(null, element),
  };
}
