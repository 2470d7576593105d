// The page: what stands where, and which view is shown.

import { html, render, useEffect, useMemo, useRef } from "../vendor/htm-preact.js";
import { loadLabels } from "./acting.js";
import { NO_FACETS, isEmpty } from "./address.js";
import { read } from "./api.js";
import { AskBox, useDroppedFiles } from "./asking.js";
import { AuditView, DuplicatesView, SuggestionsView } from "./curating.js";
import { Detail, copyPath } from "./detail.js";
import { areSet, sift } from "./facets.js";
import { CutOff, Filters } from "./filters.js";
import { Heed } from "./heed.js";
import { HelpSheet, RunsSheet, SettingsSheet } from "./help.js";
import { Icon } from "./icons.js";
import { FilesSheet } from "./jobs.js";
import { useKeys } from "./keys.js";
import { DigitsSheet, NameSheet, NamingBar, useNamingKeys } from "./naming.js";
import { MapTab } from "./map_view.js";
import { Messages } from "./messages.js";
import { stop, toggle } from "./player.js";
import { askAlike, combine, follow, go, know } from "./questions.js";
import { ReviewView } from "./review.js";
import { change, loadSettings } from "./settings.js";
import { get, set, useStore } from "./state.js";
import { Tiles, pick, placeAmong } from "./tiles.js";
import { count, hundredths } from "./wording.js";

const MODALITIES = [
  ["any", "All"],
  ["image", "Pictures"],
  ["sound", "Sounds"],
];
const TABS = [
  ["items", "Items"],
  ["review", "Review"],
  ["suggestions", "Suggestions"],
  ["audit", "Audit"],
  ["duplicates", "Duplicates"],
  ["map", "Map"],
];
const VIEWS = {
  items: ItemsView,
  review: ReviewView,
  suggestions: SuggestionsView,
  audit: AuditView,
  duplicates: DuplicatesView,
  map: MapTab,
};

function Choice({ label, options, value, onChoose }) {
  return html`<div class="choice" role="group" aria-label=${label}>${options.map(
    ([key, says]) => html`
    <button type="button" key=${key} aria-pressed=${key === value} onClick=${() => onChoose(key)}>
      ${says}</button>`,
  )}</div>`;
}

/** Whether an item of a kind is shown where one modality is looked for. */
const isOf = (modality, kind) => modality === "any" || (modality === "sound") !== (kind === "image");

const countOf = (items, modality) =>
  Object.entries(items).reduce((sum, [kind, n]) => (isOf(modality, kind) ? sum + n : sum), 0);

function Told({ shown, rows }) {
  const { answer, isLoading, info, route } = useStore((state) => state);
  const all = isEmpty(route.question) && info ? countOf(info.items, route.modality) : rows.length;
  const noun = isEmpty(route.question) ? "item" : "answer";
  if (!isEmpty(route.question) && !answer) return html`<p class="told" role="status"></p>`;
  if (isLoading && !rows.length) return html`<p class="told" role="status">Loading…</p>`;
  return html`<p class="told" role="status">
    ${shown.length < rows.length && `${shown.length.toLocaleString("en")} of `}
    ${count(shown.length < rows.length ? rows.length : all, noun)}
  </p>`;
}

function NotClose({ answer, rows }) {
  if (!answer || answer.is_close || !rows.length) return null;
  const best = rows.reduce((most, row) => (row.relevance > most.relevance ? row : most));
  const how_near = `best ${hundredths(best.similarity)}, relevance ${hundredths(best.relevance)}`;
  return html`<p class="note" role="status">Nothing here is close (${how_near}): unlike things are as similar.</p>`;
}

/** What is named: all that is selected and shown, else what is pointed at. */
const targetsAmong = (rows) => () => {
  const some = rows.filter((row) => get().selected.has(row.id));
  return some.length ? some : rows.slice(Math.max(0, placeAmong(rows)), placeAmong(rows) + 1);
};

/** Keys that act on the tile that is pointed at. */
function useTileKeys(rows, isOn) {
  const here = () => rows[placeAmong(rows)];
  const with_ = (act) => () => (here() ? act(here()) : false);
  const term = (sign) => with_((row) => (know(`id:${row.id}`, row), combine(`id:${row.id}`, sign)));
  useKeys(
    {
      Space: with_((row) => (row.kind === "image" ? go({ item: row.id }) : toggle(row))),
      Enter: with_((row) => go({ item: row.id })),
      l: with_(askAlike),
      c: with_((row) => void copyPath(row)),
      "+": term(1),
      "Shift++": term(1),
      "-": term(-1),
      x: with_(() => pick(rows, placeAmong(rows), { ctrlKey: true })),
      "Shift+X": with_(() => pick(rows, placeAmong(rows), { shiftKey: true })),
      "$mod+a": () => set({ selected: new Set(rows.map((row) => row.id)) }),
      Escape: () => (get().selected.size ? set({ selected: new Set(), anchor: null }) : stop()),
    },
    isOn,
  );
}

function More({ rows }) {
  const { n, question } = useStore((state) => state.route);
  if (isEmpty(question) || rows.length < n || n === 10_000) return null;
  return html`<button type="button" class="button" onClick=${() => go({ n: 10_000 })}>Up to 10,000 answers</button>`;
}

function ItemsView() {
  const { rows, answer, route, isAsking, isLoading, problem, settings, sheet } = useStore((state) => state);
  const { facets, modality } = route;
  const asked = useMemo(
    () => rows.filter((row) => answer || isOf(modality, row.kind)),
    [rows, answer, modality],
  );
  const shown = useMemo(() => sift(asked, facets), [asked, facets]);
  const isOn = !sheet && !route.item;
  const targets = targetsAmong(shown);
  useTileKeys(shown, isOn);
  useNamingKeys(targets, { isOn });
  const nFacets = areSet(facets);
  const isSaid = answer?.remarks?.some((remark) => remark.startsWith("nothing found"));
  const nothing = asked.length ? "The filters let nothing through." : isSaid ? null : "Nothing found.";
  return html`
    ${settings.showsFilters && html`<${Filters} rows=${asked} />`}
    <div class="list">
      <div class="toolbar">
        <button type="button" class="button quiet" aria-pressed=${settings.showsFilters}
          onClick=${() => change({ showsFilters: !settings.showsFilters })}>
          <${Icon} of="filters" />Filters${nFacets > 0 && html` <span class="badge">${nFacets}</span>`}</button>
        <${Told} shown=${shown} rows=${asked} />
        <${Choice} label="What is looked for" options=${MODALITIES} value=${modality}
          onChoose=${(wanted) => go({ modality: wanted })} />
        ${
          !isEmpty(route.question) &&
          html`<${CutOff} of="cut" says="Relevance" facets=${facets}
          title="0: as like as things that have nothing to do with each other; 1: as like as the same" />`
        }
        <${More} rows=${rows} />
        <span class="stretch"></span>
        <label class="sizer" title="Size of tiles"><span class="unseen">Size of tiles</span>
          <input type="range" min="120" max="420" step="10" value=${settings.tile}
          onInput=${(event) => change({ tile: Number(event.currentTarget.value) })} /></label>
      </div>
      ${problem && html`<p class="problem" role="alert"><${Icon} of="problem" /><span>${problem.message}</span></p>`}
      <${Heed} />
      ${answer?.remarks?.map((remark) => html`<p class="note" role="status" key=${remark}>${remark}</p>`)}
      <${NotClose} answer=${answer} rows=${rows} />
      ${
        !shown.length &&
        !isAsking &&
        !isLoading &&
        !problem &&
        html`<div class="empty">${nothing && html`<p>${nothing}</p>`}
        ${
          nFacets > 0 &&
          html`<p>
        <button type="button" class="button"
        onClick=${() => go({ facets: NO_FACETS })}>Clear filters</button></p>`
        }</div>`
      }
      <${Tiles} rows=${shown} label=${isEmpty(route.question) ? "Items" : "Answers"} />
      <${NamingBar} targets=${targets} />
    </div>
    ${route.item && html`<${Detail} id=${route.item} rows=${shown} />`}
  `;
}

function Views() {
  const { view, item } = useStore((state) => state.route);
  const View = VIEWS[view] ?? ItemsView;
  return html`<${View} key=${view} />${View !== ItemsView && item && html`<${Detail} id=${item} rows=${[]} />`}`;
}

function Tabs() {
  const view = useStore((state) => state.route.view);
  const theme = useStore((state) => state.settings.theme);
  const isDark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  const open = (kind) => () => set({ sheet: { kind } });
  return html`
    <nav class="tabs" aria-label="Views">
      ${TABS.map(
        ([key, says]) => html`<button type="button" class="tab" key=${key}
      aria-current=${key === view ? "page" : undefined} onClick=${() => go({ view: key, item: null })}>
      ${says}</button>`,
      )}</nav>
    <div class="tools">
      <button type="button" class="button quiet square" aria-label="Files" title="Files of the index"
        onClick=${open("files")}><${Icon} of="folder" /></button>
      <button type="button" class="button quiet square" aria-label="What was done" title="What was done"
        onClick=${open("runs")}><${Icon} of="undo" /></button>
      <button type="button" class="button quiet square" aria-label=${isDark ? "Light colours" : "Dark colours"}
        title=${isDark ? "Light colours" : "Dark colours"}
        onClick=${() => change({ theme: isDark ? "light" : "dark" })}><${Icon} of=${isDark ? "sun" : "moon"} /></button>
      <button type="button" class="button quiet square" aria-label="Settings" title="Settings"
        onClick=${open("settings")}><${Icon} of="settings" /></button>
      <button type="button" class="button quiet square" aria-label="Keys" title="Keys (?)" onClick=${open("help")}>
        <${Icon} of="help" /></button>
    </div>`;
}

const SHEETS = {
  files: FilesSheet,
  help: HelpSheet,
  settings: SettingsSheet,
  runs: RunsSheet,
  name: NameSheet,
  digits: DigitsSheet,
};

function OpenSheet() {
  const sheet = useStore((state) => state.sheet);
  const Shown = sheet && SHEETS[sheet.kind];
  return Shown ? html`<${Shown} key=${sheet.kind} ...${sheet} onClose=${() => set({ sheet: null })} />` : null;
}

function Page() {
  const box = useRef();
  const isOver = useDroppedFiles();
  const { info, isAsking, sheet, route } = useStore((state) => state);
  const toHelp = () => set({ sheet: { kind: "help" } });
  const isFree = !sheet && !["review", "suggestions"].includes(route.view);
  useKeys({ "/": () => box.current.focus() }, !sheet && !route.item);
  useKeys({ "?": toHelp, "Shift+?": toHelp }, isFree);
  useEffect(() => {
    document.title = [route.question.words, info?.name, "modag"].filter(Boolean).join(" · ");
  }, [info, route.question]);
  return html`
    <a class="skip" href="#main">Skip to the answers</a>
    <header class="top">
      <h1><img src="/static/icon.svg" alt="" width="22" height="22" /><span>${info?.name ?? "modag"}</span></h1>
      <${AskBox} inputRef=${box} />
      <${Tabs} />
    </header>
    <div class="asking" data-on=${isAsking} aria-hidden="true"></div>
    <main class="middle" id="main" tabindex="-1"><${Views} /></main>
    <${OpenSheet} />
    ${!route.item && html`<${Messages} />`}
    ${isOver && html`<div class="dropping"><p>Drop it to ask with it</p></div>`}
  `;
}

async function start() {
  loadSettings();
  follow();
  addEventListener("popstate", follow);
  render(html`<${Page} />`, document.getElementById("page"));
  try {
    set({ info: await read("/info") });
    loadLabels();
  } catch (problem) {
    set({ problem });
  }
}

start();
