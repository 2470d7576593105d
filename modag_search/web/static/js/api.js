// The server: requests, problems, and the addresses of what is seen and heard.

const API = "/api/v1";

/** What the server says is the matter: its words are meant for people. */
export class Problem extends Error {
  constructor(detail, { kind = "unreachable", status = 0 } = {}) {
    super(detail);
    this.kind = kind;
    this.status = status;
  }
}

export async function request(path, { method = "GET", body, signal, headers = {} } = {}) {
  let answer;
  try {
    answer = await fetch(API + path, { method, body, signal, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("the server does not answer; is `modag serve` still running?");
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  throw await problemOf(answer);
}

async function problemOf(answer) {
  try {
    const { detail, type = "" } = await answer.json();
    return new Problem(detail, { kind: type.split(":").pop(), status: answer.status });
  } catch {
    return new Problem(`the server answered ${answer.status}`, { status: answer.status });
  }
}

/** Why nothing comes from an address; nothing where something does. */
export async function reasonOf(address) {
  const answer = await fetch(address).catch(() => null);
  return answer && !answer.ok ? (await problemOf(answer)).message : null;
}

export const read = (path, parameters = {}, options = {}) => request(path + asked(parameters), options);

export const send = (path, value, options = {}) =>
  request(path, {
    method: "POST",
    body: JSON.stringify(value),
    headers: { "content-type": "application/json" },
    ...options,
  });

export const upload = (blob, name, options = {}) =>
  request(`/uploads${asked({ name })}`, {
    method: "POST",
    body: blob,
    headers: { "content-type": "application/octet-stream" },
    ...options,
  });

function asked(parameters) {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value === undefined || value === null || value === false) continue;
    for (const one of [value].flat()) given.append(key, one);
  }
  return given.size ? `?${given}` : "";
}

const MOST_BY_IDS = 1000;

/** What is known of items, however many. */
export async function itemsOf(ids) {
  const found = [];
  for (let from = 0; from < ids.length; from += MOST_BY_IDS)
    found.push(...(await read("/items", { ids: ids.slice(from, from + MOST_BY_IDS), n: MOST_BY_IDS })).items);
  return found;
}

const of = (item, part, parameters) => `${API}/items/${item.id}/${part}${asked(parameters)}`;

export const thumbnailOf = (item, { side_px = 320 } = {}) =>
  of(item, "thumbnail", { at_s: item.kind === "video" ? item.start_s : null, side_px, version: item.version });
export const spectrogramOf = (item) => of(item, "spectrogram", { version: item.version });
export const mediaOf = (item) => of(item, "media", {});
export const excerptOf = (item, { start_s = 0, end_s } = {}) =>
  of(item, "excerpt", { start_s, end_s, version: item.version });

const waves = new Map();
const MOST_WAVES = 2000;

/** Peaks of a sound, 0 to 255, and how long it lasts; asked for once. */
export function waveformOf(item) {
  const key = `${item.id}-${item.version}`;
  if (!waves.has(key)) {
    if (waves.size >= MOST_WAVES) waves.delete(waves.keys().next().value);
    const asked = read(`/items/${item.id}/waveform`, { version: item.version });
    asked.catch(() => waves.delete(key));
    waves.set(key, asked);
  }
  return waves.get(key);
}
