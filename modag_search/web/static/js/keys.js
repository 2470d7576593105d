// What keys do. They act on the tile that has the focus, or on what is open, and never while one writes.

import { useEffect } from "../vendor/htm-preact.js";
import { tinykeys } from "../vendor/tinykeys.js";
import { get } from "./state.js";

const WRITES = "input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";
const ACTS_ITSELF = "button, a[href], summary, input, select, textarea, [role=option], [role=slider]";

const isWriting = (event) => event.target.closest?.(WRITES);
const actsItself = (event) => event.target.closest?.(ACTS_ITSELF);

/**
 * Bind keys while a component is shown: `bindings` is {key: act}. Letters, digits and signs may be switched off, for
 * people whose speech or switch would set them off.
 */
export function useKeys(bindings, isOn = true) {
  useEffect(() => {
    if (!isOn) return undefined;
    const guarded = Object.entries(bindings).map(([key, act]) => [
      key,
      (event) => {
        if (event.defaultPrevented || isWriting(event)) return;
        if ((key === "Space" || key === "Enter") && actsItself(event)) return;
        if (!get().settings.hasKeys && event.key.length === 1 && event.key !== " ") return;
        if (act(event) !== false) event.preventDefault();
      },
    ]);
    return tinykeys(window, Object.fromEntries(guarded));
  });
}
