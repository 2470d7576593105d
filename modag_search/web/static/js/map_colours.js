// What points are coloured by: groups of a legend, each with a colour that does not look like another's, whatever one's
// eyes; on light ground and on dark.

const LIGHT = {
  names: ["#0067a8", "#c24a00", "#007a55", "#a83a8c", "#7a6a00", "#5b3fb5", "#a3214a", "#3d7f91"],
  steps: ["#b9a13c", "#7f9350", "#4a7f78", "#2b5f86", "#1b3a6b"],
  sure: "#7a1fa2",
  other: "#454d55",
  none: "#7d868f",
  ring: "#101418",
};
const DARK = {
  names: ["#56b4e9", "#f08a3c", "#2fc29a", "#e58fc6", "#e8dc4a", "#a896f5", "#ff6f7d", "#9fd6d2"],
  steps: ["#3f6bb5", "#4a93b8", "#5fb89a", "#a5d06a", "#f5e663"],
  sure: "#f08bd8",
  other: "#8d98a2",
  none: "#59626b",
  ring: "#ffffff",
};
const KIND_NAMES = { image: "pictures", sound: "sounds", video: "videos" };
const STEPS = [[0, "below 50 %"], [0.5, "50 to 70 %"], [0.7, "70 to 85 %"], [0.85, "85 to 95 %"], [0.95, "95 % and more"]];
export const BY = [["label", "Label"], ["kind", "Kind"], ["confidence", "Confidence"]];

export const palette = (isDark) => (isDark ? DARK : LIGHT);

/** Group the points of a map: {groups: [{key, says, colour, n}], of: number of the group of each point}. */
export function grouped(map, by, { isDark, first = [] }) {
  const wears = palette(isDark);
  const { groups, groupAt } = { label: byLabel, kind: byKind, confidence: byConfidence }[by](map, wears, first);
  const of = Uint8Array.from({ length: map.ids.length }, (_, i) => groupAt(i));
  const counts = new Array(groups.length).fill(0);
  for (const group of of) counts[group] += 1;
  return { groups: groups.map((group, number) => ({ ...group, n: counts[number] })), of };
}

function byLabel({ labels, label }, wears, first) {
  const counts = new Array(labels.length).fill(0);
  for (const number of label) if (number >= 0) counts[number] += 1;
  const wanted = (number) => (first.includes(labels[number]) ? first.length - first.indexOf(labels[number]) : 0);
  const ranked = labels.map((_, number) => number).sort((a, b) => wanted(b) - wanted(a) || counts[b] - counts[a] || a - b);
  const shown = ranked.slice(0, wears.names.length);
  const groupOf = new Map(shown.map((number, group) => [number, group]));
  const groups = shown.map((number, group) => ({ key: `label:${labels[number]}`, says: labels[number], colour: wears.names[group] }));
  const other = groups.length;
  if (labels.length > shown.length) groups.push({ key: "other", says: `${labels.length - shown.length} other labels`, colour: wears.other });
  groups.push({ key: "none", says: "no label", colour: wears.none });
  const none = groups.length - 1;
  return { groups, groupAt: (i) => (label[i] < 0 ? none : (groupOf.get(label[i]) ?? other)) };
}

function byKind({ kinds, kind }, wears) {
  const groups = kinds.map((name, number) => ({ key: `kind:${name}`, says: KIND_NAMES[name], colour: wears.names[number] }));
  return { groups, groupAt: (i) => kind[i] };
}

function byConfidence({ confidence, origin }, wears) {
  const groups = STEPS.map(([from, says], step) => ({ key: `from:${from}`, says, colour: wears.steps[step] }));
  groups.push({ key: "given", says: "given by hand or from files", colour: wears.sure });
  groups.push({ key: "none", says: "no label", colour: wears.none });
  const step = (share) => STEPS.findLastIndex(([from]) => share >= from);
  return { groups, groupAt: (i) => (origin[i] < 0 ? STEPS.length + 1 : confidence[i] === null ? STEPS.length : step(confidence[i])) };
}

export const bytesOf = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
export const kindSays = (kind) => KIND_NAMES[kind];
