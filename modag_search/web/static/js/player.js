// One thing plays at a time: the file itself where the browser can, else what the server decodes of it.

import { excerptOf, mediaOf, reasonOf } from "./api.js";
import { set as setState, get as getState } from "./state.js";
import { baseOf } from "./wording.js";

const LONGEST_EXCERPT_S = 120;

export const element = document.createElement("video");
element.className = "moving";
element.playsInline = true;
element.preload = "auto";
element.setAttribute("tabindex", "-1");

let row = null;
let from_s = 0; // where in the file the element's own time begins
let until_s = null;
let isDecoded = false;
const unplayable = new Set();
const listeners = new Set();

export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const now = () => ({
  id: row?.id ?? null,
  time_s: from_s + element.currentTime,
  isPlaying: row !== null && !element.paused && !element.ended,
  isDecoded,
});

const tell = () => listeners.forEach((listener) => listener(now()));

/** Play an item from a place on; of a part, up to its end. */
export function play(item, { at_s = item.start_s ?? 0, end_s = null } = {}) {
  until_s = end_s;
  const ending = item.path.slice(item.path.lastIndexOf(".")).toLowerCase();
  const isSame = row?.id === item.id && row.version === item.version;
  const start_s = item.duration_s ? Math.min(at_s, Math.max(0, item.duration_s - 0.05)) : at_s;
  row = item;
  if (unplayable.has(ending)) return playDecoded(start_s, isSame);
  if (!isSame || isDecoded) load(mediaOf(item), 0);
  isDecoded = false;
  seek(start_s);
  return begin(() => {
    unplayable.add(ending);
    return playDecoded(start_s, false);
  });
}

function playDecoded(start_s, isSame) {
  const isHere = isSame && isDecoded && start_s >= from_s && start_s < from_s + (element.duration || 0);
  if (!isHere) load(excerptOf(row, { start_s, end_s: start_s + LONGEST_EXCERPT_S }), start_s);
  isDecoded = true;
  if (isHere) element.currentTime = start_s - from_s;
  return begin(null);
}

function load(address, offset_s) {
  from_s = offset_s;
  element.src = address;
}

const seek = (time_s) => {
  element.currentTime = time_s - from_s;
};

async function begin(otherwise) {
  const asked = row;
  tell();
  try {
    await element.play();
  } catch (error) {
    if (row !== asked || error.name === "AbortError") return;
    if (error.name === "NotAllowedError") {
      setState({ hush: "The browser lets sounds play once you have clicked or pressed a key on the page." });
      stop();
    } else if (otherwise) await otherwise();
    else {
      stop();
      setState({ hush: `${baseOf(asked.path)}: cannot be played` });
      const why = await reasonOf(excerptOf(asked, { end_s: 1 }));
      if (why) setState({ hush: why });
    }
  }
  if (getState().hush && now().isPlaying) setState({ hush: null });
}

export function stop() {
  element.pause();
  element.remove();
  element.removeAttribute("src");
  element.load();
  row = null;
  tell();
}

/** Play, or be still where it plays already. */
export function toggle(item, options) {
  if (row?.id === item.id && now().isPlaying) {
    element.pause();
  } else if (row?.id === item.id && element.paused && !options) {
    element.play().catch(() => {});
  } else play(item, options);
}

element.addEventListener("timeupdate", () => {
  if (until_s !== null && now().time_s >= until_s) {
    until_s = null; // whoever plays on wants what comes behind it
    element.pause();
  }
  tell();
});
for (const event of ["play", "pause", "seeked"]) element.addEventListener(event, tell);
element.addEventListener("ended", () => {
  const next_s = now().time_s;
  if (isDecoded && row?.duration_s > next_s + 0.1) playDecoded(next_s, false);
  else tell();
});
