// Keys that name: a digit gives its label, with Shift it says "is not". What is selected is named, else what is
// pointed at.

import { html, useState } from "../vendor/htm-preact.js";
import { give, undo } from "./acting.js";
import { Completing, labelsLike } from "./completing.js";
import { useKeys } from "./keys.js";
import { store, stored } from "./settings.js";
import { Sheet } from "./sheet.js";
import { get, set, subscribe, useStore } from "./state.js";
import { baseOf, count } from "./wording.js";

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
const keyOf = () => `modag.digits.${get().info?.name ?? ""}`;

/**
 * Labels by digit, "" where none is wanted. What has a key keeps it; the most frequent of the others come to free ones.
 */
export function digitsNow() {
  const { digits, labels, mode } = get();
  const kept = digits ?? stored(keyOf(), {});
  if (mode === null) return kept;
  const taken = new Set(Object.values(kept));
  const others = labels.filter((one) => !one.is_tag && !taken.has(one.label)).sort((a, b) => b.items - a.items);
  const free = DIGITS.filter((digit) => kept[digit] === undefined);
  return {
    ...kept,
    ...Object.fromEntries(others.slice(0, free.length).map(({ label }, place) => [free[place], label])),
  };
}

/** Let keys mean from now on what they mean now. */
function keep(digits) {
  store(keyOf(), digits);
  set({ digits });
}

let met = null;
subscribe(({ labels, mode }) => {
  if (mode === null || labels === met) return;
  met = labels;
  set({ digits: digitsNow() });
});

const assign = (digit, label) => keep({ ...digitsNow(), [digit]: label });

const canNameIn = ({ info, mode }) => info !== null && !info.is_read_only && mode !== null;
const canName = () => canNameIn(get());

/** Whether names can be given, once that is known. */
export const useCanName = () => useStore(canNameIn);

const UNDO = { u: () => void undo() };

/** Bind the key that takes the last act back, where nothing is named by keys. */
export const useUndoKey = (isOn) => useKeys(UNDO, isOn);

/** Bind the keys that name, and undo; `targets()` are the rows that they are about, and `naming` gives them names. */
export function useNamingKeys(targets, { isOn = true, naming = give, hasLetters = true } = {}) {
  const named = (digit, denied) => () => {
    const rows = targets();
    const label = digitsNow()[digit];
    if (!rows.length || !canName()) return false;
    if (!label) set({ sheet: { kind: "digits" } });
    else {
      keep(digitsNow());
      naming(rows, label, { denied });
    }
    return true;
  };
  const keys = DIGITS.flatMap((digit) => [
    [`Digit${digit}`, named(digit, false)],
    [`Numpad${digit}`, named(digit, false)],
    [`Shift+Digit${digit}`, named(digit, true)],
  ]);
  useKeys(
    {
      ...Object.fromEntries(keys),
      ...(hasLetters && {
        ...UNDO,
        n: () => (targets().length && canName() ? set({ sheet: { kind: "name", rows: targets() } }) : false),
      }),
    },
    isOn,
  );
}

export function NamingBar({ targets }) {
  const { labels, digits, info, mode, selected } = useStore((state) => state);
  if (!info || info.is_read_only || mode === null) return null;
  const shown = digitsNow();
  const act = (label) => (event) => {
    const rows = targets();
    keep(digitsNow());
    if (rows.length) give(rows, label, { denied: event.shiftKey });
  };
  return html`
    <section class="naming" aria-label="Names on keys" data-of=${labels.length + Object.keys(digits ?? {}).length}>
      <p class="target">${
        selected.size
          ? html`<strong>
        ${count(selected.size, "item")} selected</strong>`
          : "Name what is pointed at"
      }</p>
      <ul>
        ${DIGITS.filter((digit) => shown[digit]).map(
          (digit) => html`
          <li key=${digit}><button type="button" class="button digit"
            title=${`${digit}: give it; Shift+${digit}: it is not`} onClick=${act(shown[digit])}><kbd>${digit}</kbd>
            <span>${shown[digit]}</span></button></li>`,
        )}
        <li><button type="button" class="button digit"
          onClick=${() => targets().length && set({ sheet: { kind: "name", rows: targets() } })}><kbd>N</kbd>
          <span>Other…</span></button></li>
      </ul>
      <button type="button" class="button quiet" onClick=${() => set({ sheet: { kind: "digits" } })}>Edit keys</button>
    </section>
  `;
}

const labelOptions = (text) =>
  labelsLike(text).map(({ label, items }) => ({ key: label, says: label, detail: count(items, "item") }));

/** Name by typing; `naming` gives the rows the name. */
export function NameSheet({ rows, part = null, naming = give, onClose }) {
  const [text, setText] = useState("");
  const [how, setHow] = useState("is");
  const done = (label) => {
    if (!label.trim()) return;
    naming(rows, label.trim(), { denied: how === "not", is_tag: how === "tag", part });
    onClose();
  };
  const about = rows.length === 1 ? baseOf(rows[0].path) : count(rows.length, "item");
  return html`
    <${Sheet} title=${`Name ${about}`} onClose=${onClose} className="small">
      <div class="form">
        <div class="choice" role="group" aria-label="What is said">
          ${[
            ["is", "It is"],
            ["not", "It is not"],
            ["tag", "Tag"],
          ].map(
            ([key, says]) => html`<button type="button"
            key=${key} aria-pressed=${how === key} onClick=${() => setHow(key)}>${says}</button>`,
          )}
        </div>
        <${Completing} value=${text} onInput=${setText} optionsOf=${labelOptions}
          onChoose=${(option) => done(option.key)} onEnter=${done} label="Name" placeholder="dog, oboe, rain…"
          autofocus />
        <button type="button" class="button primary" disabled=${!text.trim()} onClick=${() => done(text)}>Give</button>
      </div>
    <//>
  `;
}

export function DigitsSheet({ onClose }) {
  useStore((state) => state.digits);
  const shown = digitsNow();
  return html`
    <${Sheet} title="Names on keys" onClose=${onClose} className="small">
      <p class="muted">A digit gives its name to what is selected, or pointed at. With Shift it says: it is not.</p>
      <div class="form">
        ${DIGITS.map(
          (digit) => html`
          <div class="digit-line" key=${digit}><kbd>${digit}</kbd>
            <${Completing} value=${shown[digit] ?? ""} onInput=${(text) => assign(digit, text)}
              optionsOf=${labelOptions} onChoose=${(option) => assign(digit, option.key)} onEnter=${onClose}
              label=${`Name on key ${digit}`} placeholder="no name" /></div>`,
        )}
      </div>
    <//>
  `;
}
