// What changes the index: each act says what was done, and can be undone.

import { read, send } from "./api.js";
import { forgetAnswers } from "./questions.js";
import { get, set } from "./state.js";
import { baseOf, count } from "./wording.js";

const MOST_READ_ANEW = 1000;
let made = 0;

const put = (act) => set({ acts: [...get().acts.filter((one) => one.key !== act.key), act].slice(-100) });

const about = (rows) => (rows.length === 1 ? baseOf(rows[0].path) : count(rows.length, "item"));

/** Read anew what is said of items, wherever they are shown. */
export async function readAnew(ids) {
  forgetAnswers();
  const fresh = new Map();
  for (let from = 0; from < ids.length; from += MOST_READ_ANEW) {
    const { items } = await read("/items", { ids: ids.slice(from, from + MOST_READ_ANEW), n: MOST_READ_ANEW });
    for (const row of items) fresh.set(row.id, row);
  }
  const renewed = (row) =>
    fresh.has(row.id) ? { ...row, labels: fresh.get(row.id).labels, given: fresh.get(row.id).given } : row;
  set({ rows: get().rows.map(renewed), changed: get().changed + 1 });
  loadLabels();
}

export async function loadLabels() {
  try {
    const { labels, mode } = await read("/labels");
    set({ labels, mode });
  } catch {
    set({ mode: get().mode ?? "unknown" }); // completion goes without; what needs labels says so itself
  }
}

/** Do something and tell of it; `work` gives whether it changed anything, and how to take that back. */
async function perform(says, rows, work) {
  const key = ++made;
  const ids = rows.map((row) => row.id);
  try {
    const { changed, back = null, remarks = [] } = await work(ids);
    put({
      key,
      says: [changed ? says : `${says}: it was so already`, ...remarks].join("\n"),
      back: changed ? back : null,
      ids,
      state: "done",
    });
    await readAnew(ids);
    return { key };
  } catch (problem) {
    put({ key, says: problem.message, ids, state: "failed" });
    return null;
  }
}

async function given(ids, label, options = {}) {
  const { run, changed, remarks } = await send("/labels/give", { ids, label, ...options });
  return { changed, remarks, back: () => send(`/runs/${run}/undo`, {}) };
}

async function taken(ids, label, denied = false) {
  const { taken: changed } = await send("/labels/take", { ids, label, denied });
  return { changed, back: () => given(ids, label, { denied }) };
}

/** Say what items are, or are not. Gives the act, or null where it failed. */
export const give = (rows, label, { denied = false, is_tag = false, part = null } = {}) =>
  perform(`${denied ? "not " : ""}${label}: ${about(rows)}`, rows, (ids) =>
    given(ids, label, { denied, is_tag, ...(part ?? {}) }),
  );

/** Take a label back; to undo that is to give it again. */
export const take = (rows, label, { denied = false } = {}) =>
  perform(`taken back: ${denied ? "not " : ""}${label}, ${about(rows)}`, rows, (ids) => taken(ids, label, denied));

/** Give a label in the place of another. */
export const replace = (rows, label, by) =>
  perform(`${by} in the place of ${label}: ${about(rows)}`, rows, async (ids) => {
    const first = await taken(ids, label);
    try {
      const second = await given(ids, by);
      return { changed: true, back: async () => (await second.back(), await first.back()) };
    } catch (problem) {
      await first.back();
      throw problem;
    }
  });

/** Take back an act: the last one that can be, if none is named. Gives it, or null. */
export async function undo(act = get().acts.findLast((one) => one.state === "done" && one.back)) {
  if (!act) return null;
  try {
    await act.back();
    put({ ...act, state: "undone" });
    await readAnew(act.ids);
    return act;
  } catch (problem) {
    put({ ...act, state: "failed", says: problem.message });
    return null;
  }
}
