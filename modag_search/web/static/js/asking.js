// One box: words, labels and ids with completion; files that are dropped, pasted or chosen; the microphone.

import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { holderOf, isEmpty } from "./address.js";
import { thumbnailOf, upload } from "./api.js";
import { Completing, labelsLike } from "./completing.js";
import { Icon } from "./icons.js";
import { askRecent, askWith, combine, know, knownAs, recent, remove } from "./questions.js";
import { record } from "./recording.js";
import { get, set, useStore } from "./state.js";
import { count, lasting } from "./wording.js";

const PREFIXED = /^([+-]?)\s*(label:|id:)\s*(.+)$/s;

/** Ask with a file: it is sent, and the question is about what was sent. */
export async function askWithFile(file, { name = file.name || "pasted", isPart = false, address } = {}) {
  const most = get().info?.upload_bytes;
  try {
    if (most && file.size > most)
      throw new Error(
        `${name}: has more than ${Math.floor(most / 2 ** 20)} MiB, which is the most that this server takes`,
      );
    set({ isAsking: true, problem: null });
    const sent = await upload(file, name);
    know(`upload:${sent.id}`, { name, kind: sent.kind, address: address ?? faceOf(file), isPart });
    askWith({ terms: [{ sign: 1, term: `upload:${sent.id}` }] });
  } catch (problem) {
    set({ problem, isAsking: false });
  }
}

const faceOf = (file) => (file.type.startsWith("image/") ? URL.createObjectURL(file) : undefined);

/** Files that come by drop or paste; a picture that is pasted has no name. */
export function filesOf(transfer) {
  return [...(transfer?.files ?? [])].map((file) =>
    file.name ? file : new File([file], `pasted.${file.type.split("/").pop()}`, { type: file.type }),
  );
}

export function useDroppedFiles() {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const brings = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const on = {
      dragenter: (event) => {
        if (brings(event) && ++depth === 1) setOver(true);
      },
      dragleave: (event) => {
        if (brings(event) && --depth <= 0) ((depth = 0), setOver(false));
      },
      dragover: (event) => brings(event) && event.preventDefault(),
      drop: (event) => {
        if (!brings(event)) return;
        event.preventDefault();
        depth = 0;
        setOver(false);
        takeFirst(filesOf(event.dataTransfer));
      },
      paste: (event) => {
        const files = filesOf(event.clipboardData);
        if (!files.length) return;
        event.preventDefault();
        takeFirst(files);
      },
    };
    for (const [name, listener] of Object.entries(on)) addEventListener(name, listener);
    return () => Object.entries(on).forEach(([name, listener]) => removeEventListener(name, listener));
  }, []);
  return isOver;
}

function takeFirst(files) {
  if (!files.length) return;
  askWithFile(files[0]);
  if (files.length > 1)
    set({
      hush: `One file asks at a time: ${files[0].name} is asked with, ${count(files.length - 1, "other")} left out.`,
    });
}

function Chip({ term, sign }) {
  useStore((state) => state.introduced);
  const { name, kind, id, version, start_s, address, isPart } = knownAs(term);
  const part = useStore((state) => state.route.question.part);
  const first = useStore((state) => holderOf(state.route.question));
  const face =
    address ?? (id && kind !== "sound" ? thumbnailOf({ id, kind, version, start_s }, { side_px: 160 }) : null);
  const says = term.startsWith("label:") ? `label ${name}` : name;
  const other = sign > 0 ? "Subtract" : "Add";
  return html`
    <li class="chip" data-sign=${sign > 0 ? "plus" : "minus"}>
      <button type="button" class="sign" title=${`${other} ${says} instead`}
        aria-label=${`${sign > 0 ? "Added" : "Subtracted"}: ${says}. ${other} it instead`}
        onClick=${() => combine(term, -sign)}><${Icon} of=${sign > 0 ? "plus" : "minus"} /></button>
      ${
        face
          ? html`<img src=${face} alt="" />`
          : html`<${Icon}
        of=${term.startsWith("label:") ? "tag" : (kind ?? "file")} />`
      }
      <span class="says" title=${says}>${isPart ? "part of " : ""}${name}</span>
      ${
        part &&
        term === first &&
        html`<span class="muted number">
        ${lasting(part.start_s)}–${lasting(part.end_s)}</span>`
      }
      <button type="button" class="drop" aria-label=${`Remove ${says} from the question`}
        onClick=${() => remove(term)}><${Icon} of="close" /></button>
    </li>
  `;
}

function optionsOf(text) {
  const [, sign = "", kind, rest] = text.match(/^([+-]?)\s*(label:)\s*(.*)$/s) ?? [];
  if (kind)
    return labelsLike(rest).map(({ label, items }) => ({
      key: label,
      says: label,
      detail: count(items, "item"),
      text: `${sign}label:${label}`,
    }));
  if (text.trim().length > 1) {
    return labelsLike(text, 4).map(({ label, items }) => ({
      key: label,
      says: `label:${label}`,
      detail: count(items, "item"),
      text: `label:${label}`,
    }));
  }
  return text.trim()
    ? []
    : recent().map((one) => ({ key: one.address, says: one.says, detail: "asked before", recent: one }));
}

function Recorder() {
  const [recording, setRecording] = useState(null);
  const [heard, setHeard] = useState({ level: 0, seconds: 0 });
  const running = useRef(null);
  const stop = () => {
    const one = running.current;
    running.current = null;
    setRecording(null);
    try {
      if (one) askWithFile(one.stop());
    } catch (problem) {
      set({ problem });
    }
  };
  const start = async () => {
    set({ problem: null });
    try {
      running.current = await record({ onLevel: (level, seconds) => setHeard({ level, seconds }), onFull: stop });
      setRecording(running.current);
    } catch (error) {
      const words = {
        NotAllowedError: "the browser was not given leave to use the microphone",
        NotFoundError: "there is no microphone",
      };
      set({ problem: new Error(words[error.name] ?? error.message) });
    }
  };
  useEffect(() => () => running.current?.cancel(), []);
  if (!recording) {
    return html`<button type="button" class="button quiet square" title="Record a sound and ask with it"
      aria-label="Record a sound and ask with it" onClick=${start}><${Icon} of="microphone" /></button>`;
  }
  return html`
    <button type="button" class="button recording" aria-label="Stop, and ask with what was recorded" onClick=${stop}>
      <${Icon} of="stop" />
        <span class="level" style=${{ transform: `scaleX(${Math.min(1, heard.level * 1.5)})` }}></span>
        <span class="number">${lasting(heard.seconds)}</span>
    </button>`;
}

export function AskBox({ inputRef }) {
  const question = useStore((state) => state.route.question);
  const readsWords = useStore((state) => state.info?.reads_words ?? true);
  const [text, setText] = useState(question.words);
  const invitation = `Ask with ${readsWords ? "words, " : ""}label:, or drop a sound or picture`;
  const chooser = useRef();
  useEffect(() => setText(question.words), [question]);

  const enter = (written) => {
    const [, sign, prefix, rest] = written.trim().match(PREFIXED) ?? [];
    if (prefix) {
      // With a sign it comes to the words that are asked with; without, it stands where these stood.
      const words = sign ? question.words : "";
      setText(words);
      return combine(`${prefix}${rest.trim()}`, sign === "-" ? -1 : 1, { words });
    }
    askWith({ ...question, words: written.trim() });
  };
  const choose = (option) => (option.recent ? askRecent(option.recent) : enter(option.text));
  const clear = () => {
    setText("");
    askWith({});
    inputRef.current.focus();
  };
  return html`
    <form class="box" role="search" onSubmit=${(event) => (event.preventDefault(), enter(text))}>
      <${Icon} of="search" />
      ${
        question.terms.length > 0 &&
        html`<ul class="chips" aria-label="In the question">
        ${question.terms.map((one) => html`<${Chip} key=${one.term} ...${one} />`)}</ul>`
      }
      <${Completing}
        value=${text} onInput=${setText} optionsOf=${optionsOf} onChoose=${choose} onEnter=${enter} inputRef=${inputRef}
        className="words" label="Ask with words, label:NAME or id:N"
        placeholder=${question.terms.length ? "and…" : invitation}
      />
      ${
        (!isEmpty(question) || text) &&
        html`<button type="button" class="button quiet square"
        title="Clear the question" aria-label="Clear the question" onClick=${clear}><${Icon} of="close" /></button>`
      }
      <input type="file" class="unseen" tabindex="-1" aria-hidden="true" ref=${chooser}
        accept="audio/*,image/*,video/*,*" onChange=${(event) => {
          takeFirst([...event.currentTarget.files]);
          event.currentTarget.value = "";
        }} />
      <button type="button" class="button quiet square" title="Choose a sound, picture or video to ask with"
        aria-label="Choose a sound, picture or video to ask with" onClick=${() => chooser.current.click()}>
        <${Icon} of="file" /></button>
      <${Recorder} />
    </form>
  `;
}
