// The map as one of the page's views: what is selected on it is named as tiles are.

import { html, useState } from "../vendor/htm-preact.js";
import * as api from "./api.js";
import { MapView } from "./map.js";
import { NamingBar, useNamingKeys } from "./naming.js";
import * as player from "./player.js";
import { askAlike, go } from "./questions.js";
import { get, set, useStore } from "./state.js";

export function MapRoom() {
  const { selected, settings, changed, route, sheet } = useStore((state) => state);
  const [looked, setLooked] = useState(null);
  const named = (id) => (looked?.id === id ? looked : { id, path: `item ${id}` });
  const targets = () => {
    const ids = [...get().selected];
    return ids.length ? ids.map(named) : [looked].filter(Boolean);
  };
  useNamingKeys(targets, { isOn: !sheet && !route.item });
  return html`
    <div class="list">
      <${MapView} api=${api} player=${player} selected=${selected} changed=${changed}
        playsOnHover=${settings.playsOnHover} onLook=${setLooked} onSelect=${(ids) => set({ selected: ids, anchor: null })}
        onOpen=${({ id }) => go({ item: id })} onAsk=${askAlike} />
      <${NamingBar} targets=${targets} />
    </div>`;
}
