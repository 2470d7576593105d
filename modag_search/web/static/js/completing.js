// A line of text with what it may be completed to below it: the combobox of the ARIA practices.

import { html, useRef, useState } from "../vendor/htm-preact.js";
import { get } from "./state.js";

let made = 0;

/** Labels that have so many letters in common with what is written, those that begin with it first. */
export function labelsLike(written, most = 8) {
  const wanted = written.trim().toLowerCase();
  const found = get().labels.filter(({ label }) => label.toLowerCase().includes(wanted));
  const rank = ({ label, items }) => (label.toLowerCase().startsWith(wanted) ? 1e9 : 0) + items;
  return found.sort((a, b) => rank(b) - rank(a)).slice(0, most);
}

/**
 * `optionsOf(text)` gives [{key, says, detail, icon}]; `onChoose(option)` takes one, `onEnter(text)` what was written.
 */
export function Completing({
  value,
  onInput,
  optionsOf,
  onChoose,
  onEnter,
  label,
  placeholder,
  className = "field",
  inputRef,
  autofocus,
}) {
  const own = useRef();
  const input = inputRef ?? own;
  const [id] = useState(() => `completing-${++made}`);
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const options = isOpen ? optionsOf(value) : [];
  const choose = (option) => {
    setOpen(false);
    setAt(-1);
    onChoose(option);
  };
  const onKeyDown = (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) return setOpen(true);
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt(options.length ? (at + step + options.length + (at < 0 && step < 0 ? 1 : 0)) % options.length : -1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (isOpen && options[at]) return choose(options[at]);
      setOpen(false);
      onEnter(value);
    } else if (event.key === "Escape" && isOpen && options.length) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    } else if (event.key === "Tab" && isOpen && options[at]) choose(options[at]);
  };
  const isShown = isOpen && options.length > 0;
  return html`
    <span class="completing">
      <input
        ref=${input} class=${className} type="text" role="combobox" aria-label=${label} placeholder=${placeholder}
          value=${value}
        autofocus=${autofocus} autocomplete="off" autocapitalize="off" spellcheck=${false} enterkeyhint="search"
        aria-expanded=${isShown} aria-controls=${id} aria-autocomplete="list"
        aria-activedescendant=${isShown && options[at] ? `${id}-${at}` : undefined}
        onInput=${(event) => {
          setOpen(true);
          setAt(-1);
          onInput(event.currentTarget.value);
        }}
        onClick=${() => setOpen(true)} onBlur=${() => setOpen(false)} onKeyDown=${onKeyDown}
      />
      <ul class="options" role="listbox" id=${id} aria-label=${label} hidden=${!isShown}>
        ${options.map(
          (option, place) => html`
          <li
            key=${option.key} id=${`${id}-${place}`} role="option" aria-selected=${place === at}
            onPointerDown=${(event) => event.preventDefault()} onClick=${() => choose(option)}
          >
            <span class="says">${option.says}</span>
              ${option.detail && html`<span class="muted">${option.detail}</span>`}
          </li>`,
        )}
      </ul>
    </span>
  `;
}
