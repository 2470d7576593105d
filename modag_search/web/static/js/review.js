// One item at a time, with the name that is proposed: y, n, ? or another name; what is left, and how often it was
// right.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/htm-preact.js";
import { give, undo } from "./acting.js";
import { read, send } from "./api.js";
import { CroppablePicture } from "./crop.js";
import { Icon } from "./icons.js";
import { useKeys } from "./keys.js";
import { Loaded, useLoaded } from "./loading.js";
import { useCanName, useNamingKeys } from "./naming.js";
import { play, stop, toggle } from "./player.js";
import { go } from "./questions.js";
import { Scope } from "./scope.js";
import { get, isTaught, set, useStore } from "./state.js";
import { Looks, usePlays } from "./tile.js";
import { baseOf, count, folderOf, percent } from "./wording.js";
import { Reasons, useWhy } from "./why.js";

const MOST = 500;
const PAGE = 1000;
const AHEAD = 6;
const UNSURE = 0.25; // what is named with less than that is hardly a proposal

const proposed = (one) => ({ ...one, given: one.given ?? [], start_s: one.start_s ?? 0 });

/** What a transfer gave that nobody has said as well, page by page: more than are looked over at once, if there are. */
async function transferredRows() {
  const rows = [];
  for (let after = 0; rows.length <= MOST; ) {
    const { items } = await read("/items", { origin: "transfer", n: PAGE, after });
    rows.push(...items.flatMap(guessesOf));
    if (items.length < PAGE) break;
    after = items.at(-1).id;
  }
  return rows;
}

function guessesOf(item) {
  const said = new Set(item.given.filter((one) => one.origin !== "transfer").map((one) => one.label));
  return item.given
    .filter((one) => one.origin === "transfer" && !one.is_not && !said.has(one.label))
    .map((one) => ({ ...item, label: one.label, confidence: one.confidence, isGiven: true }));
}

const named = ({ label, confidence }) => (typeof confidence === "number" ? `${label} ${percent(confidence)}` : label);

/**
 * A row as it is asked about, once it is known what it is called `now`: what was said since it was proposed may have
 * changed that. A name that was given stays the question, since the item has it, unless it was denied since.
 */
function asNow(row, { value: now, problem }) {
  const isImpossible = problem?.kind === "nothing-found";
  if (!now && !isImpossible) return row;
  if (now?.label === row.label) return { ...row, confidence: now.confidence };
  const isDenied = now?.denied.includes(row.label);
  const denied = isDenied ? ", which it is said not to be" : "";
  const instead = now ? `now ${named(now)}` : "now no name is possible";
  const since = `${row.isGiven ? "Transferred" : "Proposed"} before: ${named(row)}${denied}; ${instead}.`;
  if (row.isGiven && now && !isDenied) return { ...row, since };
  return { ...row, since, label: now?.label ?? null, confidence: now?.confidence };
}

/** Where names to look over come from; each gives one more than are looked over at once, if there are more. */
export const SOURCES = {
  surest: {
    says: "Surest",
    empty: "Nothing without a label has a name that is at least 50 % likely.",
    rows: async () => {
      const { given } = await send("/transfer", { dry_run: true, min_confidence: 0.5 });
      return given.sort((a, b) => b.confidence - a.confidence);
    },
  },
  unsure: {
    says: "Least sure",
    empty: "Nothing without a label has a name that is at least 25 % likely.",
    rows: async () => {
      const asked = { unlabelled: true, known: true, n: MOST + 1, sort: "confidence", min_confidence: UNSURE };
      return (await send("/classify", asked)).answers;
    },
  },
  given: { says: "Transferred", empty: "No transferred name is left to look over.", rows: transferredRows },
};

/** What share of the names was right, and between what that lies, 95 of 100 times: Wilson's interval. */
export function precision(right, wrong) {
  const n = right + wrong;
  if (!n) return null;
  const z = 1.96;
  const [share, spread] = [right / n, (z * z) / n];
  const middle = (share + spread / 2) / (1 + spread);
  const half = (z * Math.sqrt((share * (1 - share)) / n + spread / (4 * n))) / (1 + spread);
  return { share, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

function Progress({ answers, n }) {
  const of = (says) => answers.filter((one) => one.says === says).length;
  const so_far = precision(of("yes"), of("no"));
  return html`
    <div class="progress">
      <progress max=${n} value=${answers.length} aria-label="Looked over"></progress>
      <p><span class="number">${answers.length} of ${n}</span>
        <span class="muted number"> · ${n - answers.length} left</span></p>
      ${
        so_far &&
        html`<p class="number precision"><strong>
        ${percent(so_far.share)}</strong> right so far <span
        class="muted">(95 %: ${percent(so_far.low)} to ${percent(so_far.high)})</span></p>`
      }
    </div>`;
}

function Large({ row }) {
  const isPlaying = usePlays(row);
  useEffect(() => {
    if (row.kind !== "image" && get().settings.playsOnHover && navigator.userActivation?.hasBeenActive) play(row);
    return stop;
  }, [row.id]);
  if (row.kind === "image") return html`<${CroppablePicture} row=${row} />`;
  if (row.kind === "sound")
    return html`<${Scope} row=${row} /><div class="actions">
    <button type="button" class="button" onClick=${() => toggle(row)}><${Icon} of=${isPlaying ? "pause" : "play"} />
    ${isPlaying ? "Pause" : "Play"} <kbd>Space</kbd></button></div>`;
  return html`<div class="large video"><div class="stage" onClick=${() => toggle(row)}>
    <${Looks} row=${row} side_px=${640} /></div></div>`;
}

function Answers({ row, onAnswer, onOther, onBack, canGoBack }) {
  const button = (says, key, label, className = "") => html`<button type="button"
    class=${`button answer ${className}`} disabled=${!row.label && says !== "unsure"} onClick=${() => onAnswer(says)}>
    ${label} <kbd>${key}</kbd></button>`;
  return html`
    <div class="answers" role="group" aria-label="Is this its name?">
      ${button("yes", "Y", "Yes", "primary")}${button("no", "N", "No")}${button("unsure", "?", "Not sure")}
      <button type="button" class="button answer" onClick=${onOther}>Another… <kbd>R</kbd></button>
      <button type="button" class="button quiet answer" disabled=${!canGoBack} onClick=${onBack}>
        <${Icon} of="undo" />Back <kbd>U</kbd></button>
    </div>`;
}

/**
 * What was said of the first rows, and how to say more of the next one, or take the last back; one at a time. `drawn` is
 * how a row was drawn last: what is answered is what is read.
 */
function useAnswers(rows, drawn) {
  const [answers, setDrawn] = useState([]);
  const latest = useRef([]); // keys may come faster than what they do is drawn
  const isBusy = useRef(false);
  const shown = useRef(rows);
  shown.current = rows;
  const setAnswers = (next) => {
    latest.current = next;
    setDrawn(next);
  };
  useEffect(() => setAnswers([]), [rows]);
  const once = async (work) => {
    if (isBusy.current) return;
    isBusy.current = true;
    try {
      await work();
    } finally {
      isBusy.current = false;
    }
  };
  const here = () => {
    const row = rows[latest.current.length];
    return drawn.current?.row === row ? drawn.current.shown : row;
  };
  // An answer that comes when other rows are looked over already is none to these.
  const next = (says, act) => shown.current === rows && setAnswers([...latest.current, { says, act }]);
  const answer = (says) =>
    once(async () => {
      const row = here();
      if (!row || (!row.label && says !== "unsure")) return;
      const act = says === "unsure" ? null : await give([row], row.label, { denied: says === "no" });
      if (says === "unsure" || act) next(says, act);
    });
  const name = (some, label, options) =>
    once(async () => {
      const act = await give(some, label, options);
      if (act) next("other", act);
    });
  const back = () =>
    once(async () => {
      const last = latest.current.at(-1);
      if (!last || (last.act?.runs.length && !(await undo(last.act)))) return;
      if (shown.current === rows) setAnswers(latest.current.slice(0, -1));
    });
  return { answers, here, answer, name, back, isFree: () => !isBusy.current };
}

/** Keys that answer; digits name otherwise. */
function useAnswerKeys({ here, answer, name, back }, other) {
  const sheet = useStore((state) => state.sheet);
  const hasItem = useStore((state) => state.route.item);
  const canName = useCanName();
  const isOn = canName && !sheet && !hasItem;
  const unsure = () => answer("unsure");
  useKeys(
    {
      y: () => answer("yes"),
      n: () => answer("no"),
      "?": unsure,
      "Shift+?": unsure,
      r: other,
      u: back,
      Space: () => (here() && here().kind !== "image" ? toggle(here()) : false),
      Enter: () => (here() ? go({ item: here().id }) : false),
    },
    isOn,
  );
  useNamingKeys(() => (here() ? [here()] : []), { isOn, naming: name, hasLetters: false });
}

function Proposed({ row, about }) {
  const isSure = row.label && typeof row.confidence === "number";
  return html`
    <p class="muted says" title=${row.path}>${baseOf(folderOf(row.path))} / ${baseOf(row.path)}</p>
    <div aria-live="polite"><p class="proposed">${row.label ?? (row.since ? "no name" : "no name yet")}
      ${isSure && html` <span class="muted number">${percent(row.confidence)}</span>`}</p>
      ${row.since && html`<p class="note since">${row.since}</p>`}</div>
    ${about && html`<p class="muted">${about(row)}</p>`}`;
}

/** A queue of rows with proposed names; `about(row)` says more of one, `more()` brings those that come behind these. */
export function Queue({ rows, about, more, empty }) {
  const drawn = useRef(null);
  const answering = useAnswers(rows, drawn);
  const { answers, here, answer, name, back, isFree } = answering;
  const isReadOnly = useStore((state) => state.info?.is_read_only);
  const other = () => isFree() && here() && set({ sheet: { kind: "name", rows: [here()], naming: name } });
  useAnswerKeys(answering, other);
  const row = rows[answers.length];
  const why = useWhy(row?.label ? row.id : null);
  const shown = row && asNow(row, why);
  drawn.current = { row, shown };
  if (!rows.length) return html`<div class="empty"><p>${empty}</p></div>`;
  const progress = html`<${Progress} answers=${answers} n=${rows.length} />`;
  if (!row) {
    return html`<div class="empty"><p>${more ? "" : "All "}${count(rows.length, "item")} looked over.${
      more ? " There are more." : ""
    }</p>${progress}
      <p>${
        more && html`<button type="button" class="button primary" onClick=${more}>Look over more</button> `
      }<button type="button" class="button" onClick=${back}><${Icon} of="undo" />Back</button></p></div>`;
  }
  const coming = rows.slice(answers.length + 1, answers.length + 1 + AHEAD);
  return html`
    <div class="review">
      <section class="review-media" aria-label="The item"><${Large} key=${row.id} row=${row} /></section>
      <section class="review-name" aria-label="Its name">
        <${Proposed} row=${shown} about=${about} />
        ${isReadOnly && html`<p class="note">Nothing can be named: the index is read-only here, or the server was started with --read-only.</p>`}
        ${
          !isReadOnly &&
          html`<${Answers} row=${shown} onAnswer=${answer} onOther=${other} onBack=${back}
          canGoBack=${answers.length > 0} />`
        }
        ${progress}
        ${row.label && html`<h3>Why</h3><${Reasons} ...${why} />`}
        <h3>Next</h3>
        <ul class="next">${coming.map(
          (one) => html`<li key=${`${one.id}${one.label}`} class="stage" title=${one.path}>
          <${Looks} row=${one} side_px=${160} /></li>`,
        )}</ul>
      </section>
    </div>`;
}

/** A message in the place of a queue, where there is none. */
const emptyOf = (canTell, source) =>
  canTell ? SOURCES[source].empty : "No label is given yet: names come from what has labels.";

export function ReviewView() {
  const [source, setSource] = useState("surest");
  const [round, setRound] = useState(0);
  const canTell = useStore(isTaught);
  const load = async () => (canTell ? (await SOURCES[source].rows()).map(proposed) : []);
  const state = useLoaded(load, [source, canTell, round]);
  const shown = useMemo(() => state.value?.slice(0, MOST), [state.value]);
  const more = state.value?.length > MOST ? () => setRound(round + 1) : null;
  return html`
    <div class="view-room"><div class="toolbar"><h2>Review names</h2>
      <div class="choice" role="group" aria-label="Which names">
        ${Object.entries(SOURCES).map(
          ([key, { says }]) => html`<button type="button" key=${key}
        aria-pressed=${key === source} onClick=${() => setSource(key)}>${says}</button>`,
        )}</div></div>
    <div class="view"><${Loaded} state=${canTell === null ? { value: null } : state}>
      ${() => html`<${Queue} rows=${shown} more=${more} empty=${emptyOf(canTell, source)} />`}<//></div></div>`;
}
