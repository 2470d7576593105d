// A grid of any number of answers; only what is seen, and a little around it, is in the document.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/htm-preact.js";
import { get, set, useStore } from "./state.js";
import { Tile } from "./tile.js";

const GAP_PX = 10;
const CAPTION_REM = 3.05;
const AROUND = 2;

/** How tiles of a width, and rows of these, fill a room. */
export function laidOut(width, tile_px, n, rem_px) {
  const columns = Math.max(1, Math.floor((width + GAP_PX) / (tile_px + GAP_PX)));
  const tile = (width - GAP_PX * (columns - 1)) / columns;
  const height = Math.round(tile * 0.7 + CAPTION_REM * rem_px);
  return { columns, tile, height, pitch: height + GAP_PX, lines: Math.ceil(n / columns) };
}

function useRoom(scroller) {
  const [room, setRoom] = useState({ width: 0, height: 0, top: 0 });
  useLayoutEffect(() => {
    const node = scroller.current;
    let asked = 0;
    const look = () => {
      asked = 0;
      const style = getComputedStyle(node);
      const width = node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      setRoom((before) =>
        before.width === width && before.height === node.clientHeight && before.top === node.scrollTop
          ? before
          : { width, height: node.clientHeight, top: node.scrollTop },
      );
    };
    const soon = () => {
      asked ||= requestAnimationFrame(look);
    };
    look();
    const watching = new ResizeObserver(soon);
    watching.observe(node);
    node.addEventListener("scroll", soon, { passive: true });
    return () => {
      cancelAnimationFrame(asked);
      watching.disconnect();
      node.removeEventListener("scroll", soon);
    };
  }, []);
  return room;
}

/** Point at a tile: keys act on it. */
export const pointAt = (index) => set({ at: index, pointed: get().pointed + 1 });

/** The place of what keys act on, among what is shown; below 0 where that is nothing. */
export const placeAmong = (rows) => Math.min(get().at, rows.length - 1);

/** Select, as people are used to: alone, one more, or all between. */
export function pick(rows, index, { ctrlKey = false, metaKey = false, shiftKey = false } = {}) {
  const { selected, anchor } = get();
  const { id } = rows[index];
  if (shiftKey) {
    const from = anchor ?? index;
    const between = rows.slice(Math.min(from, index), Math.max(from, index) + 1).map((row) => row.id);
    set({ selected: new Set([...selected, ...between]), anchor: from });
  } else if (ctrlKey || metaKey) {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    set({ selected: next, anchor: index });
  }
}

const STEPS = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: ({ columns }) => -columns,
  ArrowDown: ({ columns }) => columns,
  PageUp: ({ columns, pitch }, room) => -columns * Math.max(1, Math.floor(room.height / pitch)),
  PageDown: ({ columns, pitch }, room) => columns * Math.max(1, Math.floor(room.height / pitch)),
  Home: () => -Infinity,
  End: () => Infinity,
};

export function Tiles({ rows, label }) {
  const scroller = useRef();
  const room = useRoom(scroller);
  const tile_px = useStore((state) => state.settings.tile);
  useStore((state) => state.at);
  const at = placeAmong(rows);
  const rem_px = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const wanted_px = (tile_px * rem_px) / 16; // larger where all is
  const most_px = room.width < 560 ? (room.width - GAP_PX) / 2 : wanted_px;
  const layout = laidOut(room.width, Math.max(100, Math.min(wanted_px, most_px)), rows.length, rem_px);
  const wantsFocus = useRef(false);

  const first = Math.max(0, Math.floor(room.top / layout.pitch) - AROUND);
  const last = Math.min(layout.lines, Math.ceil((room.top + room.height) / layout.pitch) + AROUND);
  const shown = room.width ? Array.from({ length: Math.max(0, last - first) }, (_, n) => first + n) : [];

  // Tab finds its way into the grid wherever it is scrolled to.
  const isShown = at >= 0 && shown.includes(Math.floor(at / layout.columns));
  const stop = isShown ? at : first * layout.columns;

  useEffect(() => {
    scroller.current.scrollTop = 0;
  }, [useStore((state) => state.answer)]);

  const reveal = (index) => {
    const top = Math.floor(index / layout.columns) * layout.pitch;
    const node = scroller.current;
    if (top < node.scrollTop) node.scrollTop = top;
    else if (top + layout.pitch > node.scrollTop + node.clientHeight)
      node.scrollTop = top + layout.pitch - node.clientHeight;
  };
  const walk = (event) => {
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || !rows.length) return;
    event.preventDefault();
    const place = placeAmong(rows); // keys may come faster than what they do is drawn
    const from = Math.max(0, place);
    const by = place < 0 ? 0 : step(layout, room);
    const index = Math.max(0, Math.min(rows.length - 1, from + by));
    wantsFocus.current = true;
    if (event.shiftKey) {
      if (get().anchor === null) set({ anchor: from });
      pick(rows, index, { shiftKey: true });
    }
    reveal(index);
    pointAt(index);
  };
  // Right after loading, before anything has the focus, arrows find the grid, too.
  const latestWalk = useRef();
  latestWalk.current = walk;
  useEffect(() => {
    const walkAnyway = (event) => document.activeElement === document.body && latestWalk.current(event);
    document.addEventListener("keydown", walkAnyway);
    return () => document.removeEventListener("keydown", walkAnyway);
  }, []);
  useEffect(() => {
    if (!wantsFocus.current) return;
    const node = scroller.current.querySelector(`[data-index="${placeAmong(rows)}"]`);
    if (!node) return;
    wantsFocus.current = false;
    node.focus({ preventScroll: true });
  });
  const point = (index, event) => {
    if (event && (event.shiftKey || event.ctrlKey || event.metaKey)) pick(rows, index, event);
    if (get().at !== index) pointAt(index);
  };
  // Among other answers, what has the focus may stand elsewhere; where only labels are others, it need not be meant.
  const arrived = useStore((state) => state.arrived);
  useLayoutEffect(() => {
    const focused = document.activeElement?.closest(".tile");
    if (focused && scroller.current.contains(focused)) point(Number(focused.dataset.index));
  }, [arrived]);

  return html`
    <div class="scroller" ref=${scroller} onKeyDown=${walk} tabindex=${rows.length ? -1 : 0}>
      <div
        class="tiles" role="grid" aria-label=${label} aria-multiselectable="true" aria-rowcount=${layout.lines}
        aria-colcount=${layout.columns} style=${{ height: `${Math.max(0, layout.lines * layout.pitch - GAP_PX)}px` }}
      >
        ${shown.map(
          (line) => html`
          <div class="line" role="row" aria-rowindex=${line + 1} key=${line}
            style=${{ transform: `translateY(${line * layout.pitch}px)` }}>
            ${rows.slice(line * layout.columns, (line + 1) * layout.columns).map((row, column) => {
              const index = line * layout.columns + column;
              return html`<${Tile}
                key=${row.id} row=${row} index=${index} column=${column + 1} isAt=${index === stop} isPointed=${index === at} onPoint=${point}
                style=${{ width: `${layout.tile}px`, height: `${layout.height}px` }}
              />`;
            })}
          </div>`,
        )}
      </div>
    </div>
  `;
}
