// Why something is called as it is, in words: what speaks for its name rather than the next one.

import { html } from "../vendor/htm-preact.js";
import { send } from "./api.js";
import { useLoaded } from "./loading.js";
import { go } from "./questions.js";
import { isTaught, useStore } from "./state.js";
import { baseOf, hundredths, percent } from "./wording.js";

const MOST_EXAMPLES = 6;

const signed = (odds) => `${odds < 0 ? "−" : "+"}${Math.abs(odds).toFixed(1)}`;

function Answer({ why }) {
  const how = {
    copy: "as what it is a copy of, or has the label itself",
    hierarchy: "as what likelier names are kinds of",
    evidence: "by what is like it",
  };
  return html`<p><strong>${why.label}</strong> <span class="number">${percent(why.confidence)}</span>${" "}
    <span class="muted">${how[why.decided_by]}${
      why.second ? `; next ${why.second}, ${percent(why.second_confidence)}` : ""
    }</span></p>`;
}

function Heard({ heard, reasons, why }) {
  const strongest = Math.max(1, ...reasons.map((one) => Math.abs(one.log_odds)));
  return html`
    <h4>What its ${heard.modality === "sound" ? "sound" : "picture"} says for ${why.first}
      ${why.second ? ` rather than ${why.second}` : ""}</h4>
    <ul class="evidence">${reasons.map(
      ({ log_odds, because }) => html`
      <li key=${because}><span class="because">${because}</span>
        <span class="bar" aria-hidden="true">
          <span data-for=${log_odds >= 0 ? "first" : "second"}
          style=${{ width: `${(Math.abs(log_odds) / strongest) * 50}%` }}></span></span>
        <span class="number">${signed(log_odds)}</span></li>`,
    )}</ul>
    <ul class="examples">${heard.examples.slice(0, MOST_EXAMPLES).map(
      (one) => html`
      <li key=${`${one.id}-${one.start_s}`}>
        <button type="button" class="link" title=${one.path} onClick=${() => go({ item: one.id })}>
        ${baseOf(one.path)}</button> <span class="name">${one.label}</span> <span class="muted number">
        ${one.modality === "sound" ? "sound" : "picture"}, ${hundredths(one.similarity)}</span></li>`,
    )}</ul>
  `;
}

/** Why an item is called as it is, read anew after each act: {value, problem, canTell}; of no item, nothing. */
export function useWhy(id) {
  const changed = useStore((state) => state.changed);
  const canTell = useStore(isTaught);
  const load = async () => (canTell && id ? await send("/explain", { id }) : null);
  return { ...useLoaded(load, [id, changed, canTell], { of: id }), canTell };
}

export const Why = ({ id }) => html`<${Reasons} ...${useWhy(id)} />`;

export function Reasons({ value: why, problem, canTell }) {
  if (canTell === false) return html`<p class="muted">Nothing is labelled yet.</p>`;
  if (problem) return html`<p class="muted">${problem.message}</p>`;
  if (!why) return html`<p class="muted">…</p>`;
  return html`
    <div class="why">
      <${Answer} why=${why} />
      ${why.words.rules.map((line) => html`<p class="muted" key=${line}>${line}</p>`)}
      ${why.heard.map(
        (heard, place) => html`<${Heard} key=${heard.modality} heard=${heard}
        reasons=${why.words.heard[place]} why=${why} />`,
      )}
    </div>
  `;
}
