// One answer: what it looks like, how near it is, what it is called.

import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { thumbnailOf } from "./api.js";
import { Icon } from "./icons.js";
import { element, listen, now, play, stop, toggle } from "./player.js";
import { askAlike, combine, go, know } from "./questions.js";
import { get, useStore } from "./state.js";
import { SoundLooks } from "./waves.js";
import { baseOf, count, hundredths, lasting, told } from "./wording.js";

const HOVER_MS = 160;

/** Whether an item plays now. */
export function usePlays(row) {
  const plays = () => now().id === row.id && now().isPlaying;
  const [isPlaying, setPlaying] = useState(plays());
  useEffect(() => {
    setPlaying(plays());
    return listen(() => setPlaying(plays()));
  }, [row.id]);
  return isPlaying;
}

/** Where a video plays while it does. */
export function Moving({ row }) {
  const room = useRef();
  const isPlaying = usePlays(row);
  useEffect(() => {
    const show = () => {
      const isHere = now().id === row.id && !now().isDecoded;
      if (isHere && room.current && element.parentNode !== room.current) {
        const wasPlaying = !element.paused;
        room.current.append(element);
        if (wasPlaying) element.play().catch(() => {}); // moving it in the document pauses it
      } else if (!isHere && element.parentNode === room.current) element.remove();
    };
    show();
    return listen(show);
  }, [row.id]);
  return html`<div class="moving-room" data-playing=${isPlaying} ref=${room}></div>`;
}

export function Picture({ row, side_px = 320 }) {
  const [isGone, setGone] = useState(false);
  useEffect(() => setGone(false), [row.id, row.version, row.start_s]);
  if (isGone) return html`<div class="gone"><${Icon} of="problem" /><span>cannot be shown</span></div>`;
  return html`<img src=${thumbnailOf(row, { side_px })} alt="" draggable=${false} decoding="async"
    onError=${() => setGone(true)} />`;
}

export const Looks = ({ row, side_px }) =>
  row.kind === "sound"
    ? html`<${SoundLooks} row=${row} />`
    : html`<${Picture} row=${row} side_px=${side_px} />${row.kind === "video" && html`<${Moving} row=${row} />`}`;

const CLASSES = { hand: "", import: "import", transfer: "transfer" };

export function Names({ row, most = 3 }) {
  const given = [...new Map((row.given ?? []).map((one) => [`${one.label}${one.is_not}`, one])).values()];
  const shown = given.slice(0, most);
  return html`
    ${shown.map(
      (one) => html`<span
        key=${`${one.label}${one.is_not}`}
        class="name ${CLASSES[one.origin]} ${one.is_tag ? "tag" : ""} ${one.is_not ? "not" : ""}"
        title=${`${one.is_not ? "not " : ""}${one.label}: ${SAID[one.origin] ?? one.origin}`}
        >${one.is_not && html`<span class="unseen">not </span>`}${one.label}${
          one.origin === "transfer" && one.confidence !== null
            ? html` <span class="muted">
            ${hundredths(one.confidence)}</span>`
            : null
        }</span>`,
    )}
    ${given.length > most && html`<span class="muted">+${given.length - most}</span>`}
  `;
}
export const SAID = { hand: "given by hand", import: "imported", transfer: "transferred" };

/** Where on a waveform one points, in seconds. */
export function timeAt(event, row) {
  const { left, width } = event.currentTarget.getBoundingClientRect();
  return Math.max(0, Math.min(1, (event.clientX - left) / width)) * row.duration_s;
}

function useHover(row) {
  const later = useRef();
  const leave = () => {
    clearTimeout(later.current);
    if (later.current && now().id === row.id) stop();
    later.current = null;
  };
  useEffect(() => () => clearTimeout(later.current), [row.id]);
  return {
    onPointerEnter: (event) => {
      if (event.pointerType !== "mouse" || row.kind === "image" || !get().settings.playsOnHover) return;
      if (now().id === row.id && now().isPlaying) return;
      later.current = setTimeout(() => play(row), HOVER_MS);
    },
    onPointerLeave: leave,
    keep: () => {
      clearTimeout(later.current);
      later.current = null;
    },
  };
}

function Act({ of, says, onClick, pressed }) {
  const act = (event) => {
    event.stopPropagation();
    onClick(event);
  };
  return html`<button type="button" class="act" tabindex="-1" title=${says} aria-label=${says}
    aria-pressed=${pressed} onClick=${act}><${Icon} of=${of} /></button>`;
}

export function Tile({ row, index, isAt, isPointed, onPoint, style, column }) {
  const isSelected = useStore((state) => state.selected.has(row.id));
  const isPlaying = usePlays(row);
  const { keep, ...hover } = useHover(row);
  const name = baseOf(row.path);
  const onClick = (event) => {
    onPoint(index, event);
    if (event.shiftKey || event.ctrlKey || event.metaKey) return;
    keep();
    if (row.kind === "sound") play(row, { at_s: timeAt(event, row) });
    else if (row.kind === "video") toggle(row);
    else go({ item: row.id });
  };
  // Keys act on what is pointed at; what scrolls below a mouse that rests is not.
  const point = (event) => {
    if (event.pointerType === "mouse" && (event.movementX || event.movementY)) onPoint(index, null);
  };
  const term = (sign) => {
    know(`id:${row.id}`, row);
    combine(`id:${row.id}`, sign);
  };
  return html`
    <div
      class="tile" role="gridcell" aria-colindex=${column} aria-selected=${isSelected} aria-label=${told(row)}
        id=${`tile-${row.id}`}
      tabindex=${isAt ? 0 : -1} data-index=${index} data-id=${row.id} data-kind=${row.kind} style=${style}
        data-at=${isPointed} onFocus=${() => onPoint(index, null)} onPointerMove=${point}
    >
      <div class="stage" onClick=${onClick} ...${hover}><${Looks} row=${row} />
        <div class="acts">
          ${
            row.kind !== "image" &&
            html`<${Act} of=${isPlaying ? "pause" : "play"}
            says=${`${isPlaying ? "Pause" : "Play"} ${name}`} onClick=${() => (keep(), toggle(row))} />`
          }
          <${Act} of="alike" says=${`Like ${name}`} onClick=${() => askAlike(row)} />
          <${Act} of="plus" says=${`Add ${name} to the question`} onClick=${() => term(1)} />
          <${Act} of="minus" says=${`Subtract ${name} from the question`} onClick=${() => term(-1)} />
        </div>
        <span class="picked">
          <${Act} of="check" says=${`Select ${name}`} pressed=${isSelected}
          onClick=${(event) => onPoint(index, { ctrlKey: true, shiftKey: event.shiftKey })} /></span>
      </div>
      <div class="caption" title=${row.path}>
        <button type="button" class="title" tabindex="-1" onClick=${() => go({ item: row.id })}>${name}</button>
        <div class="facts">
          ${
            row.relevance !== undefined &&
            html`<span class="relevance"
            title="relevance; similarity ${hundredths(row.similarity)}">${hundredths(row.relevance)}</span>`
          }
          ${
            row.duration_s > 0 &&
            html`<span class="muted">${row.kind === "video" ? "video " : ""}
            ${lasting(row.duration_s)}</span>`
          }
          ${row.exists === false && html`<span class="muted">gone</span>`}
          ${
            row.copies?.length > 0 &&
            html`<span class="muted"
            title=${row.copies.join("\n")}>+${count(row.copies.length, "copy", "copies")}</span>`
          }
          <${Names} row=${row} most=${2} />
        </div>
      </div>
    </div>
  `;
}
