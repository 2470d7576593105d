// What to label next, what may be wrong, what is there twice: lists to decide on.

import { html, useState } from "../vendor/htm-preact.js";
import { give, replace, take } from "./acting.js";
import { itemsOf, read } from "./api.js";
import { Icon } from "./icons.js";
import { Loaded, useLoaded } from "./loading.js";
import { useCanName, useUndoKey } from "./naming.js";
import { toggle } from "./player.js";
import { go } from "./questions.js";
import { Queue } from "./review.js";
import { set, useStore } from "./state.js";
import { Looks, usePlays } from "./tile.js";
import { baseOf, count, folderOf, hundredths, lasting, percent, sized } from "./wording.js";

const SUGGESTED = 30;

const whyLabel = ({ wanted, covers }) => {
  if (wanted) return `The likeliest ${wanted} of its kind: there is no example of that yet.`;
  if (covers) return `It is the nearest to ${count(covers, "item")} without a label.`;
  return "";
};

export function SuggestionsView() {
  const [modality, setModality] = useState("any");
  const state = useLoaded(async () => {
    const { suggestions } = await read("/suggest", { n: SUGGESTED, modality: modality === "any" ? null : modality });
    return suggestions.map((one) => ({ ...one, given: [], start_s: 0 }));
  }, [modality]);
  return html`
    <div class="view-room"><div class="toolbar"><h2>What to name next</h2>
      <div class="choice" role="group" aria-label="Which items">
        ${[
          ["any", "All"],
          ["image", "Pictures"],
          ["sound", "Sounds"],
        ].map(
          ([key, says]) => html`<button
        type="button" key=${key} aria-pressed=${key === modality} onClick=${() => setModality(key)}>
        ${says}</button>`,
        )}</div></div>
    <div class="view"><${Loaded} state=${state}>
      ${(rows) => html`<${Queue} rows=${rows} about=${whyLabel}
      empty="Nothing is suggested: everything has a label." />`}<//></div></div>`;
}

function Face({ row }) {
  const isPlaying = usePlays(row);
  const name = baseOf(row.path);
  return html`
    <div class="face stage">
      <${Looks} row=${row} side_px=${320} />
      ${
        row.kind !== "image" &&
        html`<button type="button" class="act face-play"
        aria-label=${`${isPlaying ? "Pause" : "Play"} ${name}`} onClick=${() => toggle(row)}>
        <${Icon} of=${isPlaying ? "pause" : "play"} /></button>`
      }
    </div>`;
}

const Title = ({ row }) => html`<button type="button" class="link title" title=${row.path}
  onClick=${() => go({ item: row.id })}>${baseOf(row.path)}</button><span class="muted says">
  ${folderOf(row.path)}</span>`;

const DOUBTS = {
  neighbours: ({ probability, suggested, confidence }) => {
    const instead = suggested ? `, ${suggested} ${percent(confidence)}` : "";
    return `What is like it says otherwise: this name is ${percent(probability)} likely${instead}.`;
  },
  copies: ({ copy_of, suggested }) =>
    `A copy of it${copy_of ? `, ${baseOf(copy_of.path)},` : ""} is called ${suggested}.`,
  replaced: () => "The name was given to what the file was before.",
};

function Doubt({ issue, onDecide, decision }) {
  const canName = useCanName();
  const { label, suggested } = issue;
  const act = useStore(({ acts }) => acts.find((one) => one.key === decision?.act?.key));
  const isDecided = decision && act?.state !== "undone";
  const decide = (says, work) => async () => {
    const done = work ? await work() : null;
    if (done || !work) onDecide({ says, act: done });
  };
  return html`
    <li class="case" data-decided=${Boolean(isDecided)}>
      <${Face} row=${issue} />
      <div class="case-says"><${Title} row=${issue} /><p><span class="name">${label}</span></p><p class="muted">
        ${DOUBTS[issue.reason](issue)}</p></div>
      <div class="case-acts">${
        isDecided
          ? html`<p class="muted" role="status">${decision.says}${act?.undone.length ? " Undone in part." : ""}</p>`
          : html`
          <button type="button" class="button" onClick=${decide("Left as it is.")}>Leave ${label}</button>
          ${
            canName &&
            html`
            ${
              suggested &&
              html`<button type="button" class="button primary"
              onClick=${decide(`Now ${suggested}.`, () => replace([issue], label, suggested))}>
              It is ${suggested}</button>`
            }
            <button type="button" class="button"
              onClick=${decide(`Taken back: ${label}.`, () => take([issue], label))}>Take back ${label}</button>`
          }`
      }
      </div>
    </li>`;
}

/** The key that undoes, where lists are decided on, as long as nothing lies over them. */
const useUndoHere = () => useUndoKey(useStore(({ sheet, route }) => !sheet && !route.item));

/** Names that others contradict. */
function Names({ most }) {
  const [decisions, setDecisions] = useState({});
  const state = useLoaded(
    async () =>
      (await read("/audit", { max_probability: most })).issues.map((one) => ({ ...one, start_s: 0, given: [] })),
    [most],
  );
  return html`<${Loaded} state=${state}>${(issues) => html`
    ${!issues.length && html`<p class="empty">No label is contradicted by others.</p>`}
    <ul class="cases" aria-label="Names that may be wrong">${issues.map((issue) => {
      const key = `${issue.id}-${issue.label}`;
      return html`<${Doubt} key=${key} issue=${issue} decision=${decisions[key]}
        onDecide=${(made) => setDecisions((before) => ({ ...before, [key]: made }))} />`;
    })}</ul>`}<//>`;
}

/** Sounds and pictures that stand together and do not fit each other. */
function Misfits() {
  const state = useLoaded(async () => (await read("/audit/pairs")).pairs, []);
  const member = (path, item) => ({ ...item, path, start_s: 0, given: [] });
  return html`<${Loaded} state=${state}>${(pairs) => html`
    ${!pairs.length && html`<p class="empty">What stands together fits together, or nothing does.</p>`}
    <ul class="cases" aria-label="Sounds and pictures that do not fit">${pairs.map((pair) => {
      const [sound, image] = [member(pair.sound, pair.sound_item), member(pair.image, pair.image_item)];
      const members = sound.id === image.id ? [sound] : [sound, image];
      return html`<li class="case group" key=${`${sound.id}-${image.id}`}>
        <ul class="members">${members.map(
          (row) => html`<li key=${row.id}><${Face} row=${row} /><${Title} row=${row} /></li>`,
        )}</ul>
        <p class="muted">${percent(pair.rank)} of all others fit it better, by similarity ${hundredths(pair.similarity)};
          half would by chance.</p></li>`;
    })}</ul>`}<//>`;
}

export function AuditView() {
  const [most, setMost] = useState(0.1);
  const [isOfPairs, setOfPairs] = useState(false);
  useUndoHere();
  return html`
    <div class="view-room"><div class="toolbar"><h2>What may be wrong</h2>
      <div class="choice" role="group" aria-label="What is looked over">
        ${[
          [false, "Names"],
          [true, "Pairs"],
        ].map(
          ([key, says]) => html`<button type="button" key=${says}
        aria-pressed=${key === isOfPairs} onClick=${() => setOfPairs(key)}>${says}</button>`,
        )}</div><span class="stretch"></span>
      ${
        !isOfPairs &&
        html`<label class="cut"><span>At most as likely as</span>
        <input type="range" min="0.02" max="0.5" step="0.02" value=${most}
        onChange=${(event) => setMost(Number(event.currentTarget.value))} /><output class="number">
        ${hundredths(most)}</output></label>`
      }</div>
    <div class="view">${isOfPairs ? html`<${Misfits} />` : html`<${Names} most=${most} />`}</div></div>`;
}

async function copyPaths(rows) {
  const paths = rows.map((row) => row.path).join("\n");
  try {
    await navigator.clipboard.writeText(paths);
    set({ hush: `Copied: ${count(rows.length, "path")}` });
  } catch {
    set({ hush: paths });
  }
}

const certainty = (row, first) => {
  if (row === first) return row.kept_because ? `to keep: ${row.kept_because}` : "to keep";
  if (row.exact) return "the same content";
  return row.similarity === null || row.similarity === undefined ? "" : `similarity ${hundredths(row.similarity)}`;
};

const extent = ({ duration_s, width_px, height_px, size_bytes }) =>
  [lasting(duration_s), width_px && `${width_px} × ${height_px}`, sized(size_bytes)].filter(Boolean).join(", ");

function Group({ items, isAlike }) {
  const canName = useCanName();
  const [first, ...rest] = items;
  const labels = [...new Set(items.flatMap((row) => row.labels))];
  const missing = labels.filter((label) => items.some((row) => !row.labels.includes(label)));
  return html`
    <li class="case group">
      <ul class="members">${items.map(
        (row) => html`
        <li key=${row.id}><${Face} row=${row} /><${Title} row=${row} />
          <span class="muted number">
            ${extent(row)}</span>
          <span class="muted">${isAlike && row === first ? "" : certainty(row, first)}</span>
          ${
            row.labels.length > 0 &&
            html`<span>
            ${row.labels.map((label) => html`<span class="name" key=${label}>${label}</span> `)}</span>`
          }</li>`,
      )}</ul>
      <div class="case-acts">
        ${
          canName &&
          missing.map(
            (label) => html`<button type="button" class="button" key=${label}
          onClick=${() => give(items, label)}>All are ${label}</button>`,
          )
        }
        ${
          canName &&
          html`<button type="button" class="button"
          onClick=${() => give(rest, "duplicate", { is_tag: true })}>Tag the rest “duplicate”</button>`
        }
        <button type="button" class="button" onClick=${() => copyPaths(rest)}>
          <${Icon} of="copy" />Copy paths of the rest</button>
      </div>
    </li>`;
}

/** Labels of items of groups, by id, as they are after each act; groups themselves take long to find. */
function useFreshLabels(groups) {
  const changed = useStore((state) => state.changed);
  const load = async () => {
    const ids = changed ? (groups ?? []).flat().map((row) => row.id) : [];
    return new Map((await itemsOf(ids)).map((row) => [row.id, row.labels]));
  };
  const labels = useLoaded(load, [groups, changed], { of: groups }).value;
  return (row) => (labels?.has(row.id) ? { ...row, labels: labels.get(row.id) } : row);
}

export function DuplicatesView() {
  const [isAlike, setAlike] = useState(false);
  const state = useLoaded(async () => {
    const { groups } = await read("/duplicates", { alike: isAlike });
    return groups.map(({ items }) => items.map((row) => ({ ...row, start_s: 0, given: [] })));
  }, [isAlike]);
  const fresh = useFreshLabels(state.value);
  useUndoHere();
  return html`
    <div class="view-room"><div class="toolbar"><h2>There more than once</h2>
      <div class="choice" role="group" aria-label="How like">
        ${[
          [false, "The same"],
          [true, "Alike"],
        ].map(
          ([key, says]) => html`<button type="button" key=${says}
        aria-pressed=${key === isAlike} onClick=${() => setAlike(key)}>${says}</button>`,
        )}</div></div>
    <div class="view"><${Loaded} state=${state}>${(groups) => html`
      ${!groups.length && html`<p class="empty">Nothing is there twice.</p>`}
      <ul class="cases" aria-label="Groups">
        ${groups.map(
          (items) => html`<${Group} key=${items[0].id} items=${items.map(fresh)}
        isAlike=${isAlike} />`,
        )}</ul>`}<//></div></div>`;
}
