// What is to be known of a collection before one trusts what is shown of it.

import { html } from "../vendor/htm-preact.js";
import { isEmpty } from "./address.js";
import { useStore } from "./state.js";
import { count } from "./wording.js";

/** Notes on what is not found, or not shown. */
export function Heed() {
  const { info, rows, answer, isLoading, route } = useStore((state) => state);
  if (!info) return null;
  const all = Object.values(info.items).reduce((sum, n) => sum + n, 0);
  const isPart = !answer && !isLoading && rows.length > 0 && rows.length < all && isEmpty(route.question);
  return html`
    ${
      info.outdated_items > 0 &&
      html`<p class="note" role="status">
      ${count(info.outdated_items, "item")} cannot be found: another encoder, or another version of one, made what is known of them.
      <code>modag rebuild</code> renews it.</p>`
    }
    ${
      isPart &&
      route.view === "items" &&
      html`<p class="note" role="status">
      Only the first ${rows.length.toLocaleString("en")} of ${count(all, "item")} are shown; questions look through all of them.</p>`
    }`;
}
