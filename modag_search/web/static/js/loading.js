// What is asked for, and shown once it comes: an answer that comes when another is wanted already is none.

import { html, useEffect, useState } from "../vendor/htm-preact.js";
import { Icon } from "./icons.js";

const NOTHING = Object.freeze({ value: null, problem: null });

/**
 * What `load` gives, asked for anew whenever a dependency changes: {value, problem}. Until it comes there is nothing;
 * or what there was, as long as that is `of` the same thing. `load` gets a signal that says when nobody wants it more.
 */
export function useLoaded(load, dependencies, { of } = {}) {
  const [state, setState] = useState(NOTHING);
  useEffect(() => {
    const mine = new AbortController();
    const show = (come) => mine.signal.aborted || setState({ ...NOTHING, ...come, of });
    if (of === undefined) setState(NOTHING);
    load(mine.signal).then(
      (value) => show({ value }),
      (problem) => show({ problem }),
    );
    return () => mine.abort();
  }, dependencies);
  return state.of === of ? state : NOTHING;
}

/** Let some time pass first: what only flies past is not asked for. */
export const after = (wait_ms, signal) =>
  new Promise((done) => {
    const later = setTimeout(done, wait_ms);
    signal.addEventListener("abort", () => clearTimeout(later));
  });

export function Loaded({ state, children }) {
  if (state.problem)
    return html`<p class="problem" role="alert"><${Icon} of="problem" /><span>
    ${state.problem.message}</span></p>`;
  if (!state.value) return html`<p class="empty" role="status">Looking…</p>`;
  return children(state.value);
}
