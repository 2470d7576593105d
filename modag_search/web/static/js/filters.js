// The panel beside the answers: what they have in common, and what to see of them.

import { html, useMemo, useState } from "../vendor/htm-preact.js";
import { NO_FACETS } from "./address.js";
import { LASTING, areSet, commonFolder, count as counted, foldersBelow } from "./facets.js";
import { Icon } from "./icons.js";
import { go } from "./questions.js";
import { useStore } from "./state.js";
import { baseOf, hundredths } from "./wording.js";

const MOST_SHOWN = 8;
const SAYS = {
  kind: { image: "Pictures", sound: "Sounds", video: "Videos" },
  by: { hand: "By hand", import: "Imported", transfer: "Transferred", none: "No label" },
  lasts: Object.fromEntries(LASTING.map(([key, says]) => [key, says])),
};
const ORDER = {
  kind: ["image", "sound", "video"],
  by: ["hand", "import", "transfer", "none"],
  lasts: LASTING.map(([key]) => key),
};
const TITLES = { kind: "Kind", by: "Named", label: "Label", tag: "Tag", lasts: "Length" };

const narrow = (facets, changes, replacing = false) => go({ facets: { ...facets, ...changes } }, { replacing });

function Facet({ of, counts, facets }) {
  const [showsAll, setShowsAll] = useState(false);
  const order = ORDER[of];
  const values = [...counts].sort(([a, n], [b, m]) =>
    order ? order.indexOf(a) - order.indexOf(b) : m - n || a.localeCompare(b),
  );
  if (!values.length || (values.length === 1 && !facets[of].length && of !== "label")) return null;
  const chosen = new Set(facets[of]);
  const shown = showsAll ? values : values.filter(([value], place) => place < MOST_SHOWN || chosen.has(value));
  const toggle = (value) =>
    narrow(facets, { [of]: chosen.has(value) ? facets[of].filter((one) => one !== value) : [...facets[of], value] });
  return html`
    <fieldset class="facet">
      <legend>${TITLES[of]}</legend>
      ${shown.map(
        ([value, n]) => html`
        <label key=${value}><input type="checkbox" checked=${chosen.has(value)} onChange=${() => toggle(value)} />
          <span class="says">${SAYS[of]?.[value] ?? value}</span><span class="muted number">
            ${n.toLocaleString("en")}</span></label>`,
      )}
      ${
        values.length > MOST_SHOWN &&
        html`<button type="button" class="more" onClick=${() => setShowsAll(!showsAll)}>
        ${showsAll ? "Fewer" : `${values.length - MOST_SHOWN} more`}</button>`
      }
    </fieldset>
  `;
}

function Folders({ rows, facets }) {
  const top = useMemo(() => commonFolder(rows), [rows]);
  const here = facets.under ?? top;
  const below = useMemo(() => foldersBelow(rows, here), [rows, here]);
  if (!facets.under && below.length < 2) return null;
  const up = here.slice(0, here.lastIndexOf("/"));
  return html`
    <fieldset class="facet">
      <legend>Folder</legend>
      ${
        facets.under &&
        html`<button type="button" class="folder"
        onClick=${() => narrow(facets, { under: up.length > top.length ? up : null })}><${Icon} of="left" />
        <span class="says" title=${here}>${baseOf(here)}</span></button>`
      }
      ${below.map(
        ([path, n]) => html`<button type="button" class="folder" key=${path} title=${path}
        onClick=${() => narrow(facets, { under: path })}><span class="says">${baseOf(path)}</span>
        <span class="muted number">${n.toLocaleString("en")}</span></button>`,
      )}
    </fieldset>
  `;
}

/** From where on answers are shown: moved, it counts at once. */
export function CutOff({ of, says, facets, title }) {
  const value = facets[of];
  return html`
    <label class="cut" title=${title}><span>${says}</span>
      <input type="range" min="0" max="1" step="0.01" value=${value}
        aria-valuetext=${value ? `${hundredths(value)} at least` : "any"}
        onInput=${(event) => narrow(facets, { [of]: Number(event.currentTarget.value) }, true)} />
      <output class="number">${value ? `≥ ${hundredths(value)}` : "any"}</output>
    </label>`;
}

export function Filters({ rows }) {
  const { facets } = useStore((state) => state.route);
  const counts = useMemo(() => counted(rows, facets), [rows, facets]);
  const hasTransferred = (counts.by.get("transfer") ?? 0) > 0 || facets.sure > 0;
  return html`
    <aside class="filters" aria-label="Filters">
      ${
        areSet(facets) > 0 &&
        html`<button type="button" class="button clear"
        onClick=${() => go({ facets: NO_FACETS })}><${Icon} of="close" />Clear filters</button>`
      }
      <${Facet} of="kind" counts=${counts.kind} facets=${facets} />
      <${Facet} of="by" counts=${counts.by} facets=${facets} />
      ${
        hasTransferred &&
        html`<div class="facet">
        <${CutOff} of="sure" says="Confidence" facets=${facets}
        title="Of the surest name; what is given by hand is sure" /></div>`
      }
      <${Facet} of="label" counts=${counts.label} facets=${facets} />
      <${Facet} of="tag" counts=${counts.tag} facets=${facets} />
      <${Folders} rows=${rows} facets=${facets} />
      <${Facet} of="lasts" counts=${counts.lasts} facets=${facets} />
    </aside>
  `;
}
