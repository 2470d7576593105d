// Keys, told; settings; and the runs that can be taken back.

import { html, useEffect, useState } from "../vendor/htm-preact.js";
import { readAnew, undoRun } from "./acting.js";
import { read } from "./api.js";
import { change } from "./settings.js";
import { Sheet } from "./sheet.js";
import { get, useStore } from "./state.js";
import { baseOf, count, lasting } from "./wording.js";

const KEYS = [
  [
    "Move",
    [
      ["← ↑ → ↓", "from tile to tile"],
      ["Home End", "first, last"],
      ["/", "to the box"],
      ["Esc", "close; select nothing; be still"],
      ["Alt ←", "back to the question before"],
    ],
  ],
  [
    "See and hear",
    [
      ["Space", "play, or be still"],
      ["Enter", "open"],
      ["← →", "in what is open: the one before, the next"],
      ["C", "copy the path"],
    ],
  ],
  [
    "Ask",
    [
      ["L", "what is like this"],
      ["+", "add it to the question"],
      ["−", "subtract it"],
    ],
  ],
  [
    "Name",
    [
      ["1 – 9", "give the name on this key"],
      ["Shift 1 – 9", "it is not that"],
      ["N", "name by typing"],
      ["X", "select"],
      ["Shift X", "select all between"],
      ["Ctrl A", "select all"],
      ["U", "undo"],
    ],
  ],
  [
    "Map",
    [
      ["← ↑ → ↓", "from point to neighbour"],
      ["Enter", "open"],
      ["Space", "play, or be still"],
      ["+ −", "nearer, farther"],
      ["0", "all of it"],
      ["Shift and drag", "select what you draw around"],
    ],
  ],
  [
    "Review",
    [
      ["Y", "yes"],
      ["N", "no"],
      ["?", "not sure"],
      ["R", "another name"],
    ],
  ],
];

export const HelpSheet = ({ onClose }) => html`
  <${Sheet} title="Keys" onClose=${onClose}>
    <div class="keys">${KEYS.map(
      ([title, keys]) => html`
      <section key=${title}><h3>${title}</h3><dl>
        ${keys.map(
          ([key, says]) => html`<div key=${says}><dt><kbd>${key}</kbd></dt><dd>
        ${says}</dd></div>`,
        )}</dl></section>`,
    )}</div>
  <//>
`;

function Switch({ of, says }) {
  const isOn = useStore((state) => state.settings[of]);
  return html`<label class="switch">
    <input type="checkbox" role="switch" checked=${isOn}
    onChange=${(event) => change({ [of]: event.currentTarget.checked })} /><span>${says}</span></label>`;
}

export function SettingsSheet({ onClose }) {
  const { theme } = useStore((state) => state.settings);
  return html`
    <${Sheet} title="Settings" onClose=${onClose} className="small">
      <div class="form">
        <div class="choice" role="group" aria-label="Colours">
          ${[
            ["system", "As the system"],
            ["light", "Light"],
            ["dark", "Dark"],
          ].map(
            ([key, says]) => html`<button
          type="button" key=${key} aria-pressed=${theme === key} onClick=${() => change({ theme: key })}>
          ${says}</button>`,
          )}</div>
        <${Switch} of="playsOnHover" says="Play what the mouse rests on" />
        <${Switch} of="hasKeys" says="Single letters, digits and signs are keys" />
      </div>
    <//>
  `;
}

export function RunsSheet({ onClose }) {
  const [runs, setRuns] = useState(null);
  const [problem, setProblem] = useState(null);
  const load = () => read("/runs").then((answer) => setRuns(answer.runs), setProblem);
  useEffect(() => void load(), []);
  const takeBack = async (run) => {
    try {
      await undoRun(run.id);
      await readAnew(get().rows.map((row) => row.id));
      await load();
    } catch (error) {
      setProblem(error);
    }
  };
  return html`
    <${Sheet} title="What was done" onClose=${onClose}>
      ${problem && html`<p class="problem" role="alert">${problem.message}</p>`}
      ${runs && !runs.length && html`<p class="empty">No run has given labels that are still there.</p>`}
      <ul class="runs">${(runs ?? []).map(
        (run) => html`
        <li key=${run.id}><span class="muted number">${run.id}</span><span class="says"><strong>
          ${run.verb}</strong> ${wordsOf(run.arguments ?? {})}</span><span class="muted">
          ${count(run.changes, "label")}</span><time class="muted" datetime=${run.started_at}>
          ${new Date(run.started_at).toLocaleString()}</time>
          ${
            !get().info?.is_read_only &&
            html`<button type="button" class="button" aria-label=${`Undo run ${run.id}`}
            onClick=${() => takeBack(run)}>Undo</button>`
          }</li>`,
      )}</ul>
    <//>
  `;
}

/** What a run was asked to do, in words; of what this page does not know, the values. */
function wordsOf({ labels = [], not, tags, items, start_s, end_s, ...others }) {
  const names = [...labels, ...(not ?? []).map((name) => `not ${name}`)].join(", ");
  const part = (start_s ?? end_s ?? null) === null ? null : `from ${lasting(start_s ?? 0)} to ${lasting(end_s) || "the end"}`;
  const rest = Object.values(others)
    .flat()
    .filter((one) => typeof one === "string" || typeof one === "number")
    .map((one) => baseOf(String(one)));
  return [tags && "tag", names, items && `on ${count(items, "item")}`, items && part, rest.join(", ")].filter(Boolean).join(" ");
}
