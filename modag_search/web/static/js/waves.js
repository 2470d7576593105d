// What a sound looks like: its waveform above its spectrogram, and where in it a hit lies.

import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { spectrogramOf, waveformOf } from "./api.js";
import { after, useLoaded } from "./loading.js";
import { listen, now } from "./player.js";
import { hasPlace } from "./wording.js";

const BARS = 128;
const PATIENCE_MS = 80;

function usePeaks(row) {
  const load = async (signal) => {
    await after(PATIENCE_MS, signal);
    return (await waveformOf(row)).peaks;
  };
  return useLoaded(load, [row.id, row.version]).value;
}

/** What draws the peaks of a sound, in a box of 100 by as many bars as there are: {n, d}. */
export function outline(peaks) {
  const n = Math.min(BARS, peaks.length);
  const tops = Array.from({ length: n }, (_, bar) => {
    const [from, to] = [bar, bar + 1].map((place) => Math.floor((place * peaks.length) / n));
    return Math.max(1, (Math.max(...peaks.slice(from, to)) / 255) * 46);
  });
  const up = tops.map((top, bar) => `L${bar} ${(50 - top).toFixed(1)}L${bar + 0.7} ${(50 - top).toFixed(1)}`);
  const down = tops.map((top, bar) => `L${bar + 0.7} ${(50 + top).toFixed(1)}L${bar} ${(50 + top).toFixed(1)}`);
  return { n, d: `M0 50${up.join("")}${down.reverse().join("")}Z` };
}

function Wave({ peaks }) {
  if (!peaks?.length) return null;
  const { n, d } = outline(peaks);
  return html`<svg class="wave" viewBox="0 0 ${n} 100" preserveAspectRatio="none" aria-hidden="true">
    <path d=${d} /></svg>`;
}

/** A line that goes with what plays; it moves without drawing anything else anew. */
export function Playhead({ row }) {
  const line = useRef();
  useEffect(() => {
    const move = ({ id, time_s, isPlaying }) => {
      if (!line.current) return;
      const isHere = id === row.id && row.duration_s > 0;
      line.current.hidden = !isHere;
      line.current.dataset.playing = isHere && isPlaying;
      if (isHere) line.current.style.left = `${Math.min(100, (time_s / row.duration_s) * 100)}%`;
    };
    move(now());
    return listen(move);
  }, [row.id, row.duration_s]);
  return html`<span class="playhead" ref=${line} hidden></span>`;
}

function Place({ row }) {
  if (!hasPlace(row)) return null;
  const share = (time_s) => `${(time_s / row.duration_s) * 100}%`;
  return html`<span class="place" style=${{ left: share(row.start_s), width: share(row.end_s - row.start_s) }}></span>`;
}

export function SoundLooks({ row }) {
  const peaks = usePeaks(row);
  const [isDrawn, setDrawn] = useState(true);
  return html`
    <div class="sounding">
      <div class="wave-room"><${Wave} peaks=${peaks} /></div>
      ${
        isDrawn &&
        html`<img class="spectrogram" src=${spectrogramOf(row)} alt="" loading="lazy" draggable=${false}
        onError=${() => setDrawn(false)} />`
      }
      <${Place} row=${row} />
      <${Playhead} row=${row} />
    </div>
  `;
}
