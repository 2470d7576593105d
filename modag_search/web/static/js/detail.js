// One item, large: what it is, what it is called and who says so, why, and what is near it.

import { html, useEffect } from "../vendor/htm-preact.js";
import { take } from "./acting.js";
import { read } from "./api.js";
import { CroppablePicture } from "./crop.js";
import { Icon } from "./icons.js";
import { useKeys } from "./keys.js";
import { useLoaded } from "./loading.js";
import { Messages } from "./messages.js";
import { useCanName, useNamingKeys } from "./naming.js";
import { play, stop, toggle } from "./player.js";
import { askAlike, combine, go, know } from "./questions.js";
import { Scope } from "./scope.js";
import { Sheet } from "./sheet.js";
import { set, useStore } from "./state.js";
import { Looks, SAID, usePlays } from "./tile.js";
import { pointAt } from "./tiles.js";
import { KINDS, baseOf, folderOf, hundredths, lasting, percent, sized } from "./wording.js";
import { Why } from "./why.js";

/** An answer to what is asked of the server again whenever its address, or what the index says, changes. */
function useRead(path, parameters = {}) {
  const changed = useStore((now) => now.changed);
  return useLoaded(() => read(path, parameters), [path, changed], { of: path });
}

export async function copyPath(row) {
  try {
    await navigator.clipboard.writeText(row.path);
    set({ hush: `Copied: ${row.path}` });
  } catch {
    set({ hush: row.path });
  }
}

function Given({ row, described }) {
  const canName = useCanName();
  const all = [
    ...described.labels.map((one) => ({ ...one, is_not: false })),
    ...described.denied.map((one) => ({ ...one, is_not: true })),
  ];
  const tags = new Set((row.given ?? []).filter((one) => one.is_tag).map((one) => one.label));
  if (!all.length) return html`<p class="muted">No label yet.</p>`;
  return html`
    <ul class="given">${all.map(
      (one) => html`
      <li key=${`${one.label}${one.is_not}${one.start_s}${one.origin}`}>
        <span class=${`name ${one.origin ?? ""} ${tags.has(one.label) ? "tag" : ""} ${one.is_not ? "not" : ""}`}>
          ${one.is_not && html`<span class="unseen">not </span>`}${one.label}</span>
        <span class="muted says">${SAID[one.origin] ?? one.origin}
          ${one.origin === "transfer" && one.confidence !== null ? `, ${percent(one.confidence)}` : ""}
          ${one.source ? `, ${one.source}` : ""}${
            one.end_s !== null && one.end_s !== undefined
              ? `, ${lasting(one.start_s ?? 0)} to ${lasting(one.end_s)}`
              : ""
          }</span>
        ${
          canName &&
          html`<button type="button" class="button quiet square" title="Take back"
          aria-label=${`Take back ${one.is_not ? "not " : ""}${one.label}`}
          onClick=${() => take([row], one.label, { denied: one.is_not })}><${Icon} of="close" /></button>`
        }
      </li>`,
    )}</ul>
  `;
}

function Facts({ described }) {
  const facts = [
    ["Kind", KINDS[described.kind]],
    ["Length", lasting(described.duration_s)],
    [
      "Size",
      [described.width_px && `${described.width_px} × ${described.height_px}`, sized(described.size_bytes)]
        .filter(Boolean)
        .join(", "),
    ],
    ["Folder", folderOf(described.path)],
    ["Indexed", new Date(described.updated_at).toLocaleString()],
    ["Encoder", described.encoders.join(", ")],
    ["Copies", described.copies.map(baseOf).join(", ")],
    ["Id", String(described.id)],
  ];
  return html`<dl class="facts-list">
    ${facts
      .filter(([, value]) => value)
      .map(
        ([key, value]) => html`<div key=${key}><dt>${key}</dt><dd>
    ${value}</dd></div>`,
      )}</dl>`;
}

function Segments({ described, row }) {
  const { segments } = described;
  if (segments.length < 2) return null;
  const playable = row.kind !== "image";
  return html`
    <details class="segments"><summary>${segments.length} segments</summary>
      <ol>${segments.map(
        (one) => html`<li key=${one.id}>
        ${
          playable
            ? html`<button type="button" class="link number"
          onClick=${() => play(row, { at_s: one.start_s ?? 0, end_s: one.end_s })}>${lasting(one.start_s ?? 0)}
          ${one.end_s > one.start_s ? ` to ${lasting(one.end_s)}` : ""}</button>`
            : "whole"
        }
        <span class="muted">${one.modality === "sound" ? "sound" : "picture"}
          ${one.status === "ok" ? "" : `, ${one.status}`}</span></li>`,
      )}</ol>
    </details>`;
}

function Near({ id }) {
  const { value, problem } = useRead(`/items/${id}/neighbours`, { n: 13 });
  if (problem) return html`<p class="muted">${problem.message}</p>`;
  const hits = (value?.hits ?? []).filter((hit) => hit.id !== id).slice(0, 12);
  return html`
    <ul class="near">${hits.map(
      (hit) => html`
      <li key=${hit.id}><button type="button"
        aria-label=${`Open ${baseOf(hit.path)}, relevance ${hundredths(hit.relevance)}`} title=${hit.path}
        onClick=${() => go({ item: hit.id })}>
        <span class="stage"><${Looks} row=${hit} side_px=${160} /></span><span class="title">
          ${baseOf(hit.path)}</span><span class="muted number">
          ${hundredths(hit.relevance)}</span></button></li>`,
    )}</ul>`;
}

function VideoLarge({ row }) {
  return html`<div class="large video"><div class="stage"><${Looks} row=${row} side_px=${640} /></div></div>`;
}

function Bar({ row }) {
  const isPlaying = usePlays(row);
  const term = (sign) => () => {
    know(`id:${row.id}`, row);
    combine(`id:${row.id}`, sign);
  };
  return html`
    <div class="actions">
      ${
        row.kind !== "image" &&
        html`<button type="button" class="button primary" onClick=${() => toggle(row)}>
        <${Icon} of=${isPlaying ? "pause" : "play"} />${isPlaying ? "Pause" : "Play"}</button>`
      }
      <button type="button" class="button" onClick=${() => askAlike(row)}><${Icon} of="alike" />Like this</button>
      <button type="button" class="button" onClick=${term(1)}><${Icon} of="plus" />Add</button>
      <button type="button" class="button" onClick=${term(-1)}><${Icon} of="minus" />Subtract</button>
      <button type="button" class="button" onClick=${() => copyPath(row)}><${Icon} of="copy" />Copy path</button>
    </div>`;
}

const SHOWN_BY = { image: CroppablePicture, sound: Scope, video: VideoLarge };

function Opened({ row, described }) {
  const canName = useCanName();
  const Shown = SHOWN_BY[row.kind];
  return html`
    <div class="detail">
      <div class="detail-media"><${Shown} row=${row} /><${Bar} row=${row} /><section><h3>Near it</h3>
        <${Near} id=${row.id} /></section></div>
      <div class="detail-facts">
        ${described.notices.map(
          (one) => html`<p class="note" key=${one.text}>
          ${baseOf(described.path)} ${one.text}</p>`,
        )}
        ${!described.exists && html`<p class="problem">The file is not there, or out of reach.</p>`}
        ${
          described.exists &&
          described.is_unchanged === false &&
          html`<p
          class="note">The file has changed since it was indexed; <code>modag index</code> takes it in anew.</p>`
        }
        <section><div class="section-top"><h3>Names</h3>
          ${
            canName &&
            html`<button type="button" class="button"
          onClick=${() => set({ sheet: { kind: "name", rows: [row] } })}>
          <${Icon} of="tag" />Name <kbd>N</kbd></button>`
          }</div><${Given} row=${row} described=${described} /></section>
        <section><h3>Why</h3><${Why} id=${row.id} /></section>
        <section><h3>Facts</h3><${Facts} described=${described} />
          <${Segments} described=${described} row=${row} /></section>
      </div>
    </div>`;
}

export function Detail({ id, rows }) {
  const place = rows.findIndex((row) => row.id === id);
  const { value: described, problem } = useRead(`/items/${id}`);
  const known = rows[place];
  const row = known ?? (described && { ...described, given: [], start_s: 0 });
  const close = () => go({ item: null });
  const step = (by) => {
    const next = rows[place + by];
    if (place < 0 || !next) return false;
    pointAt(place + by);
    go({ item: next.id }, { replacing: true });
    return true;
  };
  const sheet = useStore((state) => state.sheet);
  useKeys(
    {
      ArrowLeft: () => step(-1),
      ArrowRight: () => step(1),
      Space: () => (row && row.kind !== "image" ? toggle(row) : false),
      l: () => row && askAlike(row),
      c: () => row && copyPath(row),
    },
    !sheet,
  );
  useNamingKeys(() => (row ? [row] : []), { isOn: !sheet });
  useEffect(() => stop, [id]);
  const title = row ? baseOf(row.path) : `item ${id}`;
  const heading = html`
    <h2 title=${row?.path}>${title}</h2>
    ${
      place >= 0 &&
      html`<span class="muted number">${place + 1} of ${rows.length.toLocaleString("en")}</span>
      <button type="button" class="button quiet square" aria-label="The one before" title="The one before (←)"
        disabled=${place === 0} onClick=${() => step(-1)}><${Icon} of="left" /></button>
      <button type="button" class="button quiet square" aria-label="The next" title="The next (→)"
        disabled=${place === rows.length - 1} onClick=${() => step(1)}><${Icon} of="right" /></button>`
    }`;
  return html`
    <${Sheet} title=${title} heading=${heading} onClose=${close} className="large-sheet" hasKeys>
      ${problem && html`<p class="problem" role="alert">${problem.message}</p>`}
      ${row && described && html`<${Opened} key=${id} row=${row} described=${described} />`}
      <${Messages} />
    <//>`;
}
