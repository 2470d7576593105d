// A sound, large: its waveform by wavesurfer, from peaks that the server measured; a region that is drawn on it asks.

import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { spectrogramOf, waveformOf } from "./api.js";
import { Icon } from "./icons.js";
import { play } from "./player.js";
import { askWith, know } from "./questions.js";
import { set, useStore } from "./state.js";
import { Playhead } from "./waves.js";
import { hasPlace } from "./wording.js";

const HEIGHT_PX = 120; // the style that wavesurfer writes is allowed with this height alone: see web/access.py

const SHOWN = "shown"; // the region that is not drawn by hand

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

async function drawn(room, row, { onRegion, onSeek }) {
  const [{ default: WaveSurfer }, { default: Regions }, wave] = await Promise.all([
    import("../vendor/wavesurfer.js"),
    import("../vendor/wavesurfer-regions.js"),
    waveformOf(row),
  ]);
  if (!room.isConnected) return null;
  const regions = Regions.create();
  const surfer = WaveSurfer.create({
    container: room,
    height: HEIGHT_PX,
    waveColor: colour("--wave"),
    progressColor: colour("--wave"),
    cursorWidth: 0,
    barWidth: 2,
    barGap: 1,
    barRadius: 1,
    peaks: [wave.peaks.map((peak) => peak / 255)],
    duration: wave.duration_s,
    plugins: [regions],
  });
  regions.enableDragSelection({ color: `color-mix(in srgb, ${colour("--accent")} 24%, transparent)` });
  regions.on("region-created", (region) => {
    for (const other of regions.getRegions()) if (other !== region) other.remove();
    if (region.id !== SHOWN) onRegion({ start_s: region.start, end_s: region.end });
  });
  regions.on("region-updated", (region) => onRegion({ start_s: region.start, end_s: region.end }));
  surfer.on("interaction", onSeek);
  await new Promise((done) => surfer.once("ready", done)); // what is shown earlier would come late, and stale
  return { surfer, regions, duration_s: wave.duration_s };
}

const rounded = ({ start_s, end_s }) => ({
  start_s: Math.round(start_s * 100) / 100,
  end_s: Math.round(end_s * 100) / 100,
});

/** A field for a time: what is typed stays until it is done, though what is around it is drawn anew meanwhile. */
function Seconds({ called, value, longest_s, onChange }) {
  const [typed, setTyped] = useState(null);
  const done = () => {
    if (typed === null) return;
    setTyped(null);
    const time_s = Number(typed);
    if (typed.trim() && time_s >= 0) onChange(Math.min(time_s, longest_s));
  };
  return html`<input class="field seconds" type="number" aria-label=${called} min="0" max=${longest_s} step="0.01"
    value=${typed ?? value} onInput=${(event) => setTyped(event.currentTarget.value)} onChange=${done} />`;
}

export function Scope({ row }) {
  const room = useRef();
  const scope = useRef(null);
  const [part, setPart] = useState(null);
  const latest = useRef(null);
  latest.current = part;
  const [problem, setProblem] = useState(null);
  const [isDrawn, setDrawn] = useState(true);
  const theme = useStore((state) => state.settings.theme);
  const isReadOnly = useStore((state) => state.info?.is_read_only ?? true);

  useEffect(() => {
    let isWanted = true;
    setPart(hasPlace(row) ? rounded(row) : null);
    setProblem(null);
    setDrawn(true);
    drawn(room.current, row, {
      onRegion: (drawn_part) => setPart(rounded(drawn_part)),
      onSeek: (at_s) => play(row, { at_s }),
    }).then(
      (made) => {
        if (!isWanted) return made?.surfer.destroy();
        scope.current = made;
        show(latest.current);
      },
      (error) => isWanted && setProblem(error),
    );
    return () => {
      isWanted = false;
      scope.current?.surfer.destroy();
      scope.current = null;
    };
  }, [row.id, row.version, theme]);

  const show = (wanted) => {
    const { regions } = scope.current ?? {};
    regions?.clearRegions();
    if (wanted)
      regions?.addRegion({
        id: SHOWN,
        start: wanted.start_s,
        end: wanted.end_s,
        color: `color-mix(in srgb, ${colour("--accent")} 24%, transparent)`,
      });
  };
  const isEmpty = part && part.end_s <= part.start_s;
  const edit = (key) => (time_s) => {
    const next = { ...part, [key]: time_s };
    setPart(next);
    show(next.end_s > next.start_s ? next : null);
  };
  const ask = () => {
    know(`id:${row.id}`, row);
    askWith({ terms: [{ sign: 1, term: `id:${row.id}` }], part });
  };
  return html`
    <div class="scope">
      <div class="scope-wave" ref=${room}></div>
      ${
        isDrawn &&
        html`<img class="scope-spectrogram" src=${spectrogramOf(row)} alt=""
        onError=${() => setDrawn(false)} />`
      }
      <${Playhead} row=${row} />
    </div>
    ${problem && html`<p class="problem">${problem.message}</p>`}
    <div class="part-line">
      ${
        part
          ? html`
          <label>From <${Seconds} called="Part from, in seconds" value=${part.start_s} longest_s=${row.duration_s}
            onChange=${edit("start_s")} /></label>
          <label>to <${Seconds} called="Part to, in seconds" value=${part.end_s} longest_s=${row.duration_s}
            onChange=${edit("end_s")} /> s</label>
          ${isEmpty && html`<span class="problem">A part ends after it starts.</span>`}
          <button type="button" class="button primary" disabled=${isEmpty} onClick=${ask}><${Icon} of="search" />Ask with this part</button>
          <button type="button" class="button" disabled=${isEmpty}
            onClick=${() => play(row, { at_s: part.start_s, end_s: part.end_s })}>
            <${Icon} of="play" />Play part</button>
          ${
            !isReadOnly &&
            html`<button type="button" class="button" disabled=${isEmpty}
            onClick=${() => set({ sheet: { kind: "name", rows: [row], part } })}>
            <${Icon} of="tag" />Name part</button>`
          }
          <button type="button" class="button" onClick=${() => (setPart(null), show(null))}>Whole sound</button>`
          : html`<button type="button" class="button" onClick=${() => {
              const whole = scope.current?.duration_s ?? row.duration_s;
              const middle = rounded({ start_s: whole / 4, end_s: (whole * 3) / 4 });
              setPart(middle);
              show(middle);
            }}><${Icon} of="crop" />Choose a part</button><span class="muted">or draw one on the waveform</span>`
      }
    </div>
  `;
}
