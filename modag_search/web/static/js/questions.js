// Asking, and moving between questions; every move has its address, so back and forward undo it.

import { NO_FACETS, NO_QUESTION, bodyOf, format, holderOf, isEmpty, parse } from "./address.js";
import { read, send } from "./api.js";
import { store, stored } from "./settings.js";
import { get, set } from "./state.js";
import { baseOf } from "./wording.js";

const FIRST_PAGE = 200;
const PAGE = 5000;
const MOST_ITEMS = 20_000;
const KEPT_ANSWERS = 8;
const RECENT = "modag.recent";
const MOST_RECENT = 12;

const answers = new Map();
const NOWHERE = -1;
let under_way = null;

/** Go somewhere: what is given of the address changes; `replacing` leaves no step back. */
export function go(changes, { replacing = false } = {}) {
  const before = get().route;
  const route = { ...before, ...changes };
  history[replacing ? "replaceState" : "pushState"](null, "", format(route));
  arrive(route, before);
}

/** Read where the address bar leads, now and after each step back or forward. */
export function follow() {
  arrive(parse(location.search), get().route);
}

function arrive(route, before) {
  set({ route });
  const asks = ({ question, modality, n }) => JSON.stringify(isEmpty(question) ? {} : { question, modality, n });
  if (!before || asks(route) !== asks(before)) ask(route);
}

export const askWith = (question, changes = {}) =>
  go({ view: "items", item: null, facets: NO_FACETS, ...changes, question: { ...NO_QUESTION, ...question } });

export const askAlike = (row) => {
  know(`id:${row.id}`, row);
  askWith({ terms: [{ sign: 1, term: `id:${row.id}` }] });
};

/** Add something to the question, or subtract it; what is in it already changes its sign. Other words may be given. */
export function combine(term, sign, { words = get().route.question.words } = {}) {
  const { question, facets } = get().route;
  const others = question.terms.filter((one) => one.term !== term);
  const isSoAlready = question.terms.some((one) => one.term === term && one.sign === sign);
  const terms = isSoAlready ? question.terms : [...others, { sign, term }];
  askWith({ ...withItsPart(question, terms), words }, { facets });
}

/** A question of other terms; its part goes with what it is one of, and where that is taken away instead. */
function withItsPart(question, terms) {
  const isSame = holderOf({ terms }) === holderOf(question);
  return { ...question, terms, part: isSame ? question.part : null };
}

export function remove(term) {
  const { question, facets } = get().route;
  const terms = question.terms.filter((one) => one.term !== term);
  askWith(withItsPart(question, terms), { facets });
}

// What is asked with has a name and a face, which its term does not tell.

const known = new Map(Object.entries(stored("modag.uploads", {})));

export function know(term, { path, name = baseOf(path), kind, id, version, start_s, address, isPart = false }) {
  known.set(term, { name, kind, id, version, start_s, address, isPart });
  if (!term.startsWith("upload:")) return;
  const uploads = [...known].filter(([key]) => key.startsWith("upload:")).slice(-50);
  store("modag.uploads", Object.fromEntries(uploads.map(([key, one]) => [key, { name: one.name, kind: one.kind }])));
}

export const knownAs = (term) => known.get(term) ?? { name: term.replace(/^(label|text):/, "") };

/** Learn what items of the question are called, where the address alone names them. */
async function introduce({ terms }) {
  const strange = terms.map(({ term }) => term).filter((term) => term.startsWith("id:") && !known.has(term));
  await Promise.all(
    strange.map(async (term) => know(term, await read(`/items/${term.slice(3)}`).catch(() => ({ name: term })))),
  );
  if (strange.length) set({ introduced: get().introduced + 1 });
}

async function ask(route) {
  under_way?.abort();
  const mine = (under_way = new AbortController());
  const { pointed } = get();
  set({ problem: null, selected: new Set(), anchor: null });
  // The first answer is pointed at; nothing is, where somebody has pointed at something since, which may be gone.
  const show = (shown) =>
    set({ ...shown, at: get().pointed === pointed ? 0 : NOWHERE, arrived: get().arrived + 1 });
  try {
    if (isEmpty(route.question)) await showAll(show, mine.signal);
    else await showFound(route, show, mine.signal);
  } catch (problem) {
    if (mine.signal.aborted) return;
    set({ problem, rows: [], answer: null, isAsking: false, isLoading: false });
  }
}

async function showFound(route, show, signal) {
  const body = bodyOf(route.question, route);
  if (!body.query) throw new Error("there is nothing to subtract from: add words, a label or an item");
  const key = JSON.stringify(body);
  set({ isAsking: true });
  const kept = answers.get(key);
  const answer = kept ?? (await send("/search", body, { signal }));
  if (signal.aborted) return;
  answers.delete(key);
  answers.set(key, answer);
  if (answers.size > KEPT_ANSWERS) answers.delete(answers.keys().next().value);
  show({ rows: answer.hits, answer, isAsking: false, isLoading: false });
  remember(route);
  introduce(route.question);
}

/** Forget answers, since labels or files are no longer what they were. */
export const forgetAnswers = () => answers.clear();

/** Ask again what is asked now. */
export function refresh() {
  forgetAnswers();
  ask(get().route);
}

async function showAll(show, signal) {
  set({ answer: null, isAsking: false, isLoading: true });
  let rows = [];
  for (let n = FIRST_PAGE; rows.length < MOST_ITEMS; n = PAGE) {
    const { items } = await read("/items", { n, after: rows.at(-1)?.id }, { signal });
    if (signal.aborted) return;
    const tell = rows.length ? set : show;
    rows = [...rows, ...items];
    tell({ rows, isLoading: items.length === n });
    if (items.length < n) return;
  }
  set({ isLoading: false });
}

function remember({ question }) {
  const named = question.terms.map(({ sign, term }) => `${sign > 0 ? "+" : "−"} ${knownAs(term).name}`);
  const says = [question.words, ...named].filter(Boolean).join(" ");
  const address = format({ ...get().route, question, view: "items", item: null, facets: NO_FACETS });
  const others = recent().filter((one) => one.address !== address);
  store(RECENT, [{ says, address }, ...others].slice(0, MOST_RECENT));
}

export const recent = () => stored(RECENT, []);

export const askRecent = ({ address }) => {
  const { question, modality, n } = parse(address);
  askWith(question, { modality, n });
};
