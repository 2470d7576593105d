// What changes the index: each act says what was done, and can be undone.

import { Problem, itemsOf, read, send } from "./api.js";
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
    const { trouble } = latest(act);
    const says = `what is shown is as before: ${problem.message}`;
    put({ ...latest(act), trouble: trouble ? `${trouble}\n${says}` : says });
  }
}

/**
 * Do something and tell of it; `work` gives the runs that it was, in the order in which they are undone, and what there
 * is to say of them: where there is none, nothing changed.
 */
async function perform(says, rows, work) {
  const key = ++made;
  const ids = rows.map((row) => row.id);
  let come;
  try {
    come = await work(ids);
  } catch (problem) {
    put({ key, says: problem.message, ids, state: "failed", runs: [], undone: [] });
    return null;
  }
  const { runs, remarks = [] } = come;
  const told = [runs.length ? says : `${says}: it was so already`, ...remarks].join("\n");
  const act = { key, says: told, runs, undone: [], ids, state: "done" };
  put(act);
  await showAnew(act);
  return act;
}

const NOTHING_UNDONE = "nothing-undone";

/** The act once one of its runs is undone, and what there is to say of that. */
function lessRun(act, run, remarks) {
  const undone = [...act.undone, run];
  const says = [act.says, ...remarks].join("\n");
  const isAll = undone.length === act.runs.length;
  return { ...act, undone, says, ...(isAll ? { state: "undone", trouble: null } : { trouble: "undone in part" }) };
}

/** Undo a run, whoever asks for it; acts that it is of are undone then, if nothing else is of them. */
export async function undoRun(run) {
  const { undone, remarks } = await send(`/runs/${run}/undo`, {});
  if (!undone) throw new Problem(remarks.join("\n"), { kind: NOTHING_UNDONE });
  for (const act of get().acts.filter((one) => one.runs.includes(run) && !one.undone.includes(run)))
    put(lessRun(act, run, remarks));
}

/** Whether there is nothing of a run to be undone as things are: that may change once others are undone. */
const isOfNothing = ({ kind }) => [NOTHING_UNDONE, "no-such-run"].includes(kind);

const runsOf = (...answers) => answers.map(({ run }) => run).filter((run) => run !== null);

async function given(ids, label, options = {}) {
  const answer = await send("/labels/give", { ids, label, ...options });
  return { runs: runsOf(answer), remarks: answer.remarks };
}

const taken = async (ids, label, denied = false) => ({
  runs: runsOf(await send("/labels/take", { ids, label, denied })),
});

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
      return { runs: [...second.runs, ...first.runs], remarks: second.remarks };
    } catch (problem) {
      for (const run of first.runs) await undoRun(run);
      throw problem;
    }
  });

const canBeUndone = (act) => act.state === "done" && act.runs.length > 0 && !goingBack.has(act.key);

/** What would be undone if no act is named: the last one that can be; one of which there was nothing comes behind. */
export const nextToUndo = () =>
  get().acts.findLast((act) => canBeUndone(act) && !act.hadNothing) ?? get().acts.findLast(canBeUndone);

/**
 * Take back an act: the next one to undo, if none is named. Gives it as it is then, or null where that failed. As long
 * as nothing was undone, because that failed or there is nothing of it now, it can be tried again.
 */
export async function undo(act = nextToUndo()) {
  const before = act && latest(act);
  if (!before || !canBeUndone(before)) return before?.state === "undone" ? before : null;
  goingBack.add(act.key);
  const undone = [...before.undone];
  const remarks = []; // of runs of which there is nothing: the others go back nonetheless
  try {
    for (const run of before.runs.filter((one) => !before.undone.includes(one))) {
      try {
        await undoRun(run);
        undone.push(run);
      } catch (problem) {
        if (!isOfNothing(problem)) throw problem;
        remarks.push(problem.message);
      }
    }
  } catch (problem) {
    put({ ...latest(act), trouble: `not undone: ${problem.message}` });
    return null;
  } finally {
    goingBack.delete(act.key);
  }
  const now = latest(act);
  const come = undone.length
    ? { ...now, undone, says: [now.says, ...remarks].join("\n"), trouble: null, state: "undone" }
    : { ...now, trouble: `nothing was undone: ${remarks.join("\n")}`, hadNothing: true };
  put(come);
  await showAnew(come);
  return come;
}
