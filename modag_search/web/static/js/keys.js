// What keys do. They act on the tile that has the focus, or on what is open, and never while one writes.

import { useEffect, useRef } from "../vendor/htm-preact.js";
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
  // What a key does is what it does as drawn last: keys may come faster than effects run.
  const latest = useRef();
  latest.current = { bindings, isOn };
  const keys = Object.keys(bindings);
  useEffect(() => {
    const press = (key) => (event) => {
      if (!latest.current.isOn || event.defaultPrevented || isWriting(event)) return;
      if ((key === "Space" || key === "Enter") && actsItself(event)) return;
      if (!get().settings.hasKeys && event.key.length === 1 && event.key !== " ") return;
      if (latest.current.bindings[key](event) !== false) event.preventDefault();
    };
    return tinykeys(window, Object.fromEntries(keys.map((key) => [key, press(key)])));
  }, [keys.join(" ")]);
}
