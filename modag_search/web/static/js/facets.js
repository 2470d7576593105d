// What answers have in common, counted over what the server gave; nothing here touches the page.

import { folderOf } from "./wording.js";

export const LASTING = [
  ["1", "under 1 s", 0, 1],
  ["5", "1 to 5 s", 1, 5],
  ["30", "5 to 30 s", 5, 30],
  ["300", "30 s to 5 min", 30, 300],
  ["more", "over 5 min", 300, Infinity],
];

const held = (row) => (row.given ?? []).filter((one) => !one.is_not);
const orNone = (values) => (values.length ? values : ["none"]);

/** What a row counts for, by facet. */
export const VALUES = {
  kind: (row) => [row.kind],
  label: (row) =>
    held(row)
      .filter((one) => !one.is_tag)
      .map((one) => one.label),
  tag: (row) =>
    held(row)
      .filter((one) => one.is_tag)
      .map((one) => one.label),
  by: (row) => orNone(held(row).map((one) => one.origin)),
  lasts: (row) =>
    row.duration_s > 0
      ? LASTING.filter(([, , from, to]) => row.duration_s >= from && row.duration_s < to).map(([key]) => key)
      : [],
};

const surest = (row) =>
  held(row).reduce((most, one) => Math.max(most, one.origin === "transfer" ? (one.confidence ?? 0) : 1), 0);

const isUnder = (path, folder) => folder === null || path.startsWith(folder === "/" ? "/" : `${folder}/`);

/** Tests of the facets that are set: {name: row => bool}. */
function testsOf(facets) {
  const tests = {};
  for (const [key, valuesOf] of Object.entries(VALUES)) {
    const wanted = new Set(facets[key]);
    if (wanted.size) tests[key] = (row) => valuesOf(row).some((value) => wanted.has(value));
  }
  if (facets.under) tests.under = (row) => isUnder(row.path, facets.under);
  if (facets.cut) tests.cut = (row) => row.relevance === undefined || row.relevance >= facets.cut;
  if (facets.sure) tests.sure = (row) => surest(row) >= facets.sure;
  return tests;
}

/** The rows that all facets let through; all of them, the same array, where none is set. */
export function sift(rows, facets) {
  const tests = Object.values(testsOf(facets));
  return tests.length ? rows.filter((row) => tests.every((test) => test(row))) : rows;
}

/** By facet how many rows each value would show, given what the other facets let through: {facet: Map(value, n)}. */
export function count(rows, facets) {
  const tests = testsOf(facets);
  const names = Object.keys(tests);
  const counts = Object.fromEntries(Object.keys(VALUES).map((key) => [key, new Map()]));
  for (const row of rows) {
    const failed = names.filter((name) => !tests[name](row));
    if (failed.length > 1) continue;
    for (const [key, valuesOf] of Object.entries(VALUES)) {
      if (failed.length && failed[0] !== key) continue;
      for (const value of new Set(valuesOf(row))) counts[key].set(value, (counts[key].get(value) ?? 0) + 1);
    }
  }
  for (const key of Object.keys(VALUES))
    for (const value of facets[key]) if (!counts[key].has(value)) counts[key].set(value, 0);
  return counts;
}

/** The folder that all paths lie in, and what stands directly below a folder: [path, n], by name. */
export function commonFolder(rows) {
  if (!rows.length) return "/";
  let common = folderOf(rows[0].path).split("/");
  for (const { path } of rows) {
    const parts = folderOf(path).split("/");
    let same = 0;
    while (same < common.length && common[same] === parts[same]) same += 1;
    if (same < common.length) common = common.slice(0, same);
  }
  return common.join("/") || "/";
}

export function foldersBelow(rows, folder) {
  const found = new Map();
  const start = folder === "/" ? 1 : folder.length + 1;
  for (const { path } of rows) {
    if (!isUnder(path, folder)) continue;
    const end = path.indexOf("/", start);
    if (end > 0) found.set(path.slice(0, end), (found.get(path.slice(0, end)) ?? 0) + 1);
  }
  return [...found].sort(([a], [b]) => a.localeCompare(b));
}

export const areSet = (facets) => Object.keys(testsOf(facets)).length;
