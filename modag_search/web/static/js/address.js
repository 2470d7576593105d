// The address bar holds the question, and what is looked at; nothing here touches the page.

export const VIEWS = ["items", "review", "suggestions", "audit", "duplicates", "map"];
export const MODALITIES = ["any", "image", "sound"];

export const NO_QUESTION = Object.freeze({ words: "", terms: [], part: null });
export const NO_FACETS = Object.freeze({
  kind: [],
  label: [],
  tag: [],
  by: [],
  under: null,
  lasts: [],
  cut: 0,
  sure: 0,
});

const LISTS = ["kind", "label", "tag", "by", "lasts"];

/** Read an address: {view, question, modality, n, facets, item}. */
export function parse(search) {
  const given = new URLSearchParams(search);
  const one = (key, among, otherwise) => (among.includes(given.get(key)) ? given.get(key) : otherwise);
  const terms = [...given].filter(([key]) => key === "plus" || key === "minus");
  return {
    view: one("view", VIEWS, "items"),
    question: {
      words: given.get("q") ?? "",
      terms: terms.map(([key, term]) => ({ sign: key === "plus" ? 1 : -1, term })),
      part: partOf(given.get("part")),
    },
    modality: one("show", MODALITIES, "any"),
    n: Number(one("n", ["100", "1000", "10000"], "1000")),
    facets: {
      ...Object.fromEntries(LISTS.map((key) => [key, given.getAll(key)])),
      under: given.get("under"),
      cut: share(given.get("cut")),
      sure: share(given.get("sure")),
    },
    item: /^[1-9]\d{0,15}$/.test(given.get("item") ?? "") ? Number(given.get("item")) : null,
  };
}

/** Write what `parse` reads; what is as usual is left out. */
export function format({ view, question, modality, n, facets, item }) {
  const given = new URLSearchParams();
  if (view !== "items") given.set("view", view);
  if (question.words) given.set("q", question.words);
  for (const { sign, term } of question.terms) given.append(sign > 0 ? "plus" : "minus", term);
  if (question.part) given.set("part", `${question.part.start_s}-${question.part.end_s}`);
  if (modality !== "any") given.set("show", modality);
  if (n !== 1000) given.set("n", n);
  for (const key of LISTS) for (const value of facets[key]) given.append(key, value);
  if (facets.under) given.set("under", facets.under);
  if (facets.cut) given.set("cut", facets.cut);
  if (facets.sure) given.set("sure", facets.sure);
  if (item) given.set("item", item);
  return given.size ? `?${given}` : location.pathname;
}

export const isEmpty = ({ words, terms }) => !words.trim() && !terms.length;

/** What a part is one of: the first thing that is added. */
export const holderOf = ({ terms }) => terms.find(({ sign }) => sign > 0)?.term;

/** What the server is asked; what a part is one of comes first. */
export function bodyOf({ words, terms, part }, { modality, n }) {
  const added = terms.filter(({ sign }) => sign > 0).map(({ term }) => term);
  const minus = terms.filter(({ sign }) => sign < 0).map(({ term }) => term);
  const written = words.trim() ? [words.trim()] : [];
  const [query, ...plus] = part ? [added[0], ...written, ...added.slice(1)] : [...written, ...added];
  return { query, plus, minus, modality, n, ...(part ?? {}) };
}

function partOf(text) {
  const [start_s, end_s] = (text ?? "").split("-").map(Number);
  return start_s >= 0 && end_s > start_s ? { start_s, end_s } : null;
}

function share(text) {
  const number = Number(text);
  return number > 0 && number <= 1 ? number : 0;
}
