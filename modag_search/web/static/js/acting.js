// What changes the index: each act says what was done, and can be undone.

import { itemsOf, read, send } from "./api.js";
import { forgetAnswers } from "./questions.js";
import { get, set } from "./state.js";
import { baseOf, count } from "./wording.js";

const MOST_ACTS = 1000;
const goingBack = new Set(); // keys of acts that are being undone
let made = 0;

const put = (act) => set({ acts: [...get().acts.filter((one) => one.key !== act.key), act].slice(-MOST_ACTS) });

/** The act as it stands now, whichever copy of it is at hand. */
const latest = (act) => get().acts.find((one) => one.key === act.key) ?? act;

const about = (rows) => (rows.length === 1 ? baseOf(rows[0].path) : count(rows.length, "item"));

/** Read anew what is said of items, wherever they are shown. */
export async function readAnew(ids) {
  forgetAnswers();
  const fresh = new Map((await itemsOf(ids)).map((row) => [row.id, row]));
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

/** Show what came of an act; that it happened stands, even where this cannot be read. */
async function showAnew(act) {
  try {
    await readAnew(act.ids);
  } catch (problem) {
    put({ ...latest(act), trouble: `what is shown is as before: ${problem.message}` });
  }
}

/** Do something and tell of it; `work` gives whether it changed anything, and how to take that back. */
async function perform(says, rows, work) {
  const key = ++made;
  const ids = rows.map((row) => row.id);
  let come;
  try {
    come = await work(ids);
  } catch (problem) {
    put({ key, says: problem.message, ids, state: "failed" });
    return null;
  }
  const { changed, back = null, remarks = [] } = come;
  const told = [changed ? says : `${says}: it was so already`, ...remarks].join("\n");
  const act = { key, says: told, back: changed ? back : null, ids, state: "done" };
  put(act);
  await showAnew(act);
  return act;
}

/** How to undo a run, and what there is to say of that; one that is undone already is nothing to undo. */
const backOf = (run) => async () => {
  try {
    return (await send(`/runs/${run}/undo`, {})).remarks;
  } catch (problem) {
    if (problem.kind !== "no-such-run") throw problem;
    return [problem.message];
  }
};

async function given(ids, label, options = {}) {
  const { run, changed, remarks } = await send("/labels/give", { ids, label, ...options });
  return { changed, remarks, back: backOf(run) };
}

async function taken(ids, label, denied = false) {
  const { run, taken: changed } = await send("/labels/take", { ids, label, denied });
  return { changed, back: run === null ? async () => [] : backOf(run) };
}

/** Undo several, in turn; where one fails, the next try goes on with it. */
function inTurn(...backs) {
  const remarks = [];
  return async () => {
    for (; backs.length; backs.shift()) remarks.push(...(await backs[0]()));
    return remarks;
  };
}

/** Say what items are, or are not. Gives the act, or null where it failed. */
export const give = (rows, label, { denied = false, is_tag = false, part = null } = {}) =>
  perform(`${denied ? "not " : ""}${label}: ${about(rows)}`, rows, (ids) =>
    given(ids, label, { denied, is_tag, ...(part ?? {}) }),
  );

/** Take a label back; to undo that gives it back as it was. */
export const take = (rows, label, { denied = false } = {}) =>
  perform(`taken back: ${denied ? "not " : ""}${label}, ${about(rows)}`, rows, (ids) => taken(ids, label, denied));

/** Give a label in the place of another. */
export const replace = (rows, label, by) =>
  perform(`${by} in the place of ${label}: ${about(rows)}`, rows, async (ids) => {
    const first = await taken(ids, label);
    try {
      const second = await given(ids, by);
      const backs = second.changed ? [second.back, first.back] : [first.back];
      return { changed: true, remarks: second.remarks, back: inTurn(...backs) };
    } catch (problem) {
      await first.back();
      throw problem;
    }
  });

const canBeUndone = (act) => act.state === "done" && act.back && !goingBack.has(act.key);

/**
 * Take back an act: the last one that can be, if none is named. Gives it as it is then, or null where that failed: it
 * can be tried again.
 */
export async function undo(act = get().acts.findLast(canBeUndone)) {
  const before = act && latest(act);
  if (!before || !canBeUndone(before)) return before?.state === "undone" ? before : null;
  goingBack.add(act.key);
  let remarks;
  try {
    remarks = await act.back();
  } catch (problem) {
    put({ ...latest(act), trouble: `not undone: ${problem.message}` });
    return null;
  } finally {
    goingBack.delete(act.key);
  }
  const undone = { ...latest(act), says: [before.says, ...remarks].join("\n"), trouble: null, state: "undone" };
  put(undone);
  await showAnew(undone);
  return undone;
}
