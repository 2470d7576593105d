// Facts as people read them.

export const baseOf = (path) => path.slice(path.lastIndexOf("/") + 1);
export const folderOf = (path) => path.slice(0, path.lastIndexOf("/")) || "/";

export const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** A length of time: 0.42 s, 3.1 s, 2:05, 1:02:33. */
export function lasting(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 60) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  return clock(seconds);
}

export function clock(seconds) {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(rest).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

export function sized(bytes) {
  for (const [unit, of] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ]) {
    if (bytes >= of) return `${(bytes / of).toFixed(1)} ${unit}`;
  }
  return `${bytes} bytes`;
}

export const hundredths = (share) => share.toFixed(2);
export const percent = (share) => `${Math.round(share * 100)} %`;
export const KINDS = { image: "picture", sound: "sound", video: "video" };

/** Whether the place of a hit is less than all of its file. */
export const hasPlace = (row) =>
  row.kind === "sound" && row.end_s > 0 && row.duration_s > 0 && row.end_s - row.start_s < row.duration_s * 0.95;

/** In one sentence, for those who hear the page. */
export function told(row) {
  const says = [`${baseOf(row.path)}, ${KINDS[row.kind]}`];
  if (row.duration_s) says.push(lasting(row.duration_s));
  if (row.relevance !== undefined) says.push(`relevance ${hundredths(row.relevance)}`);
  if (hasPlace(row)) says.push(`at ${lasting(row.start_s)}`);
  const names = (row.given ?? []).filter((one) => !one.is_not).map((one) => one.label);
  says.push(names.length ? `called ${[...new Set(names)].join(", ")}` : "no label");
  return says.join(", ");
}
