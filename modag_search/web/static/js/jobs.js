// The files of the index: its folders, taking in what is new in them, and what could not be read.

import { html, useEffect, useState } from "../vendor/htm-preact.js";
import { loadLabels } from "./acting.js";
import { read, request, send } from "./api.js";
import { Icon } from "./icons.js";
import { refresh } from "./questions.js";
import { Sheet } from "./sheet.js";
import { get, set } from "./state.js";
import { baseOf, count } from "./wording.js";

const COUNTS = ["added", "updated", "unchanged", "moved", "removed", "failed"];
const MOST_REMARKS = 4;
const STATES = {
  running: "Taking in…",
  stopping: "Stopping with the file at hand…",
  done: "Done",
  stopped: "Stopped",
  failed: "Failed",
};

const didWhat = (report) =>
  COUNTS.filter((key) => report[key])
    .map((key) => `${report[key].toLocaleString("en")} ${key}`)
    .join(", ") || "nothing found";

/** The last job, as it goes on; what it brought is shown once it is over. */
function useJob() {
  const [job, setJob] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    read("/jobs").then(({ jobs }) => setJob(jobs[0] ?? null), setProblem);
  }, []);
  useEffect(() => {
    if (!job || job.finished_at) return undefined;
    const events = new EventSource(`/api/v1/jobs/${job.id}/events`);
    events.onmessage = async ({ data }) => {
      const now = JSON.parse(data);
      setJob(now);
      if (!now.finished_at) return;
      events.close();
      set({ info: await read("/info") });
      refresh();
      loadLabels();
    };
    return () => events.close();
  }, [job?.id]);
  const act = (work) => async () => {
    setProblem(null);
    try {
      setJob(await work());
    } catch (error) {
      setProblem(error);
    }
  };
  const begin = (options) => act(() => send("/jobs", { verb: "index", ...options }));
  const stop = act(() => request(`/jobs/${job.id}`, { method: "DELETE" }));
  return { job, problem, begin, stop };
}

/** What there is to say of what a job did: the first of it, and the rest behind how much that is. */
function Remarks({ remarks }) {
  const list = (some) => html`<ul class="remarks">${some.map((one) => html`<li key=${one}>${one}</li>`)}</ul>`;
  const rest = remarks.slice(MOST_REMARKS);
  return html`${list(remarks.slice(0, MOST_REMARKS))}${
    rest.length > 0 && html`<details><summary>and ${rest.length} more</summary>${list(rest)}</details>`
  }`;
}

function Progress({ job, onStop }) {
  const isOn = !job.finished_at;
  return html`
    <div class="progress job" role="status">
      <p><strong>${STATES[job.state]}</strong> <span class="muted">
        ${job.problem ?? (job.report ? didWhat(job.report) : "")}</span></p>
      ${job.remarks.length > 0 && html`<${Remarks} remarks=${job.remarks} />`}
      ${
        isOn &&
        html`<progress max=${job.found || undefined} value=${job.found ? job.done : undefined}
        aria-label="Files taken in"></progress>
        <p class="number">${job.done.toLocaleString("en")} of ${count(job.found, "file")}</p>
        <button type="button" class="button" disabled=${job.state === "stopping"} onClick=${onStop}>
          <${Icon} of="stop" />Stop</button>`
      }
    </div>`;
}

export function FilesSheet({ onClose }) {
  const { job, problem, begin, stop } = useJob();
  const [roots, setRoots] = useState([]);
  const [failures, setFailures] = useState([]);
  const [failed, setFailed] = useState(null);
  const isOver = !job || Boolean(job.finished_at);
  useEffect(() => {
    Promise.all([read("/roots"), read("/failures")]).then(
      ([one, other]) => (setRoots(one.roots), setFailures(other.failures)),
      setFailed,
    );
  }, [isOver]);
  const canWrite = get().info && !get().info.is_read_only;
  return html`
    <${Sheet} title="Files" onClose=${onClose}>
      <div class="form">
        ${
          (problem ?? failed) &&
          html`<p class="problem" role="alert"><${Icon} of="problem" /><span>
          ${(problem ?? failed).message}</span></p>`
        }
        <section><h3>Folders</h3><ul>
          ${roots.map((root) => html`<li key=${root} class="root">${root}</li>`)}</ul></section>
        ${job && html`<${Progress} job=${job} onStop=${stop} />`}
        ${
          canWrite &&
          isOver &&
          html`
          <div class="actions">
            <button type="button" class="button" onClick=${begin({})}><${Icon} of="plus" />Take in what is new</button>
            ${
              failures.length > 0 &&
              html`<button type="button" class="button"
              onClick=${begin({ retry_failed: true })}>Try again what failed</button>`
            }
          </div>`
        }
        <section><h3>Could not be read</h3>
          ${
            failures.length
              ? html`<ul class="failures">
            ${failures.map(
              (one) => html`<li key=${one.path} title=${one.path}><strong>
            ${baseOf(one.path)}</strong> <span class="muted">${one.reason}</span></li>`,
            )}</ul>`
              : html`<p
            class="muted">Nothing.</p>`
          }
        </section>
      </div>
    <//>`;
}
