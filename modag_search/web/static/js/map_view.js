// The map in the page: what is drawn around there is selected and named as in the grid.

import { html, useEffect, useMemo, useState } from "../vendor/htm-preact.js";
import * as api from "./api.js";
import { Heed } from "./heed.js";
import { NamingBar, useNamingKeys } from "./naming.js";
import * as player from "./player.js";
import { askAlike, go } from "./questions.js";
import { get, set, useStore } from "./state.js";

/** What is selected or pointed at, as rows; one that is not among the rows of the page has its id alone. */
function rowsOf(ids) {
  const known = new Map(get().rows.map((row) => [row.id, row]));
  return ids.map((id) => known.get(id) ?? { id, path: `item ${id}` });
}

export function MapTab() {
  const [drawing, setDrawing] = useState(null);
  const [looked, setLooked] = useState(null);
  const { selected, settings, labels, changed, sheet, route } = useStore((state) => state);
  useEffect(() => void import("./map.js").then(setDrawing), []);
  const names = useMemo(() => labels.map((one) => one.label), [labels]);
  const targets = () => (get().selected.size ? rowsOf([...get().selected]) : looked ? [looked] : []);
  useNamingKeys(targets, { isOn: !sheet && !route.item });
  return html`
    <div class="view-room">
      <${Heed} />
      ${
        drawing &&
        html`<${drawing.MapView}
        api=${api} player=${player} labels=${names} selected=${selected} changed=${changed} playsOnHover=${settings.playsOnHover}
        onSelect=${(ids) => set({ selected: ids, anchor: null })} onOpen=${(item) => go({ item: item.id })} onAsk=${askAlike} onLook=${setLooked}
      />`
      }
      <${NamingBar} targets=${targets} />
    </div>`;
}
