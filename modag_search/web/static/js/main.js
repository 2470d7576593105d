// The page: what stands where, and which view is shown.

import { html, render, useEffect, useMemo, useRef } from "../vendor/htm-preact.js";
import { isEmpty } from "./address.js";
import { read } from "./api.js";
import { AskBox, useDroppedFiles } from "./asking.js";
import { Icon } from "./icons.js";
import { useKeys } from "./keys.js";
import { stop, toggle } from "./player.js";
import { askAlike, combine, follow, go, know } from "./questions.js";
import { change, loadSettings } from "./settings.js";
import { get, set, useStore } from "./state.js";
import { Tiles, pick } from "./tiles.js";
import { count, hundredths } from "./wording.js";

const MODALITIES = [["any", "All"], ["image", "Pictures"], ["sound", "Sounds"]];

function Choice({ label, options, value, onChoose }) {
  return html`<div class="choice" role="group" aria-label=${label}>${options.map(([key, says]) => html`
    <button type="button" key=${key} aria-pressed=${key === value} onClick=${() => onChoose(key)}>${says}</button>`)}</div>`;
}

function Told({ rows }) {
  const { answer, isLoading, info, route } = useStore((state) => state);
  if (isEmpty(route.question)) {
    const all = info ? Object.values(info.items).reduce((sum, n) => sum + n, 0) : rows.length;
    return html`<p class="told" role="status">${isLoading ? "Loading…" : count(all, "item")}</p>`;
  }
  return html`<p class="told" role="status">${answer ? count(rows.length, "answer") : ""}</p>`;
}

function NotClose({ answer, rows }) {
  if (!answer || answer.is_close || !rows.length) return null;
  const best = rows.reduce((most, row) => (row.relevance > most.relevance ? row : most));
  return html`<p class="note" role="status">Nothing here is close (best ${hundredths(best.similarity)}, relevance ${hundredths(best.relevance)}): unlike things are as similar.</p>`;
}

/** Keys that act on the tile that is pointed at. */
function useTileKeys(rows) {
  const here = () => rows[Math.min(get().at, rows.length - 1)];
  const with_ = (act) => () => (here() ? act(here()) : false);
  const term = (sign) => with_((row) => (know(`id:${row.id}`, row), combine(`id:${row.id}`, sign)));
  useKeys(
    {
      Space: with_((row) => (row.kind === "image" ? go({ item: row.id }) : toggle(row))),
      Enter: with_((row) => go({ item: row.id })),
      l: with_(askAlike),
      "+": term(1),
      "Shift++": term(1),
      "-": term(-1),
      x: with_(() => pick(rows, get().at, { ctrlKey: true })),
      "Shift+X": with_(() => pick(rows, get().at, { shiftKey: true })),
      "$mod+a": () => set({ selected: new Set(rows.map((row) => row.id)) }),
      Escape: () => (get().selected.size ? set({ selected: new Set(), anchor: null }) : stop()),
    },
    !get().route.item,
  );
}

function ItemsView() {
  const { rows, answer, route, isAsking, isLoading, problem, settings } = useStore((state) => state);
  const shown = useMemo(() => rows.filter((row) => route.modality === "any" || answer || (route.modality === "sound") !== (row.kind === "image")), [rows, answer, route]);
  useTileKeys(shown);
  return html`
    <div class="toolbar">
      <${Told} rows=${shown} />
      <${Choice} label="What is looked for" options=${MODALITIES} value=${route.modality} onChoose=${(modality) => go({ modality })} />
      <span class="stretch"></span>
      <label class="sizer"><span class="unseen">Size of tiles</span><input type="range" min="120" max="420" step="10" value=${settings.tile} onInput=${(event) => change({ tile: Number(event.currentTarget.value) })} /></label>
    </div>
    ${problem && html`<p class="problem" role="alert"><${Icon} of="problem" /><span>${problem.message}</span></p>`}
    <${NotClose} answer=${answer} rows=${rows} />
    ${!shown.length && !isAsking && !isLoading && !problem && html`<div class="empty"><p>Nothing found.</p></div>`}
    <${Tiles} rows=${shown} label=${isEmpty(route.question) ? "Items" : "Answers"} />
  `;
}

function Page() {
  const box = useRef();
  const isOver = useDroppedFiles();
  const info = useStore((state) => state.info);
  const isAsking = useStore((state) => state.isAsking);
  const hush = useStore((state) => state.hush);
  useKeys({ "/": () => box.current.focus() });
  return html`
    <a class="skip" href="#main">Skip to the answers</a>
    <header class="top">
      <h1><img src="/static/icon.svg" alt="" width="22" height="22" /><span>${info?.name ?? "modag"}</span></h1>
      <${AskBox} inputRef=${box} />
    </header>
    <div class="asking" data-on=${isAsking} aria-hidden="true"></div>
    <div class="middle"><main id="main" tabindex="-1"><${ItemsView} /></main></div>
    ${hush && html`<p class="hush" role="status"><span>${hush}</span><button type="button" aria-label="Close" onClick=${() => set({ hush: null })}><${Icon} of="close" /></button></p>`}
    ${isOver && html`<div class="dropping"><p>Drop it to ask with it</p></div>`}
  `;
}

async function start() {
  loadSettings();
  follow();
  addEventListener("popstate", follow);
  render(html`<${Page} />`, document.getElementById("page"));
  try {
    const info = await read("/info");
    set({ info });
    document.title = `${info.name} · modag`;
  } catch (problem) {
    set({ problem });
  }
}

start();
