// What was done last, with the way back; and what else there is to say in passing.

import { html } from "../vendor/htm-preact.js";
import { nextToUndo, undo } from "./acting.js";
import { Icon } from "./icons.js";
import { set, useStore } from "./state.js";

const SIGNS = { failed: "problem", undone: "undo", done: "check" };

const Close = ({ onClick }) => html`<button type="button" class="button quiet square" aria-label="Close this message"
  onClick=${onClick}><${Icon} of="close" /></button>`;

export function Messages() {
  const acts = useStore((state) => state.acts);
  const closed = useStore((state) => state.closedAct);
  const hush = useStore((state) => state.hush);
  const act = acts.at(-1);
  return html`
    <div class="messages" role="status">
      ${hush && html`<p class="message"><span>${hush}</span><${Close} onClick=${() => set({ hush: null })} /></p>`}
      ${
        act &&
        act.key !== closed &&
        html`
        <p class="message" data-state=${act.trouble ? "failed" : act.state} key=${act.key}>
          <${Icon} of=${act.trouble ? "problem" : SIGNS[act.state]} />
          <span>${[act.state === "undone" ? `Undone: ${act.says}` : act.says, act.trouble].filter(Boolean).join("\n")}</span>
          ${
            act.state === "done" &&
            act.runs.length > 0 &&
            html`<button type="button" class="button"
            onClick=${() => undo(act)}>Undo${nextToUndo()?.key === act.key && html` <kbd>U</kbd>`}</button>`
          }
          <${Close} onClick=${() => set({ closedAct: act.key })} />
        </p>`
      }
    </div>
  `;
}
