// A dialog over the page: the browser keeps the focus in it and gives it back.

import { html, useLayoutEffect, useRef } from "../vendor/htm-preact.js";
import { Icon } from "./icons.js";

export function Sheet({ title, onClose, children, className = "", heading, hasKeys = false }) {
  const dialog = useRef();
  const room = useRef();
  useLayoutEffect(() => {
    const node = dialog.current;
    const before = document.activeElement;
    node.showModal();
    if (hasKeys) room.current.focus(); // Space is one of them, and presses no button
    return () => {
      node.close();
      if (before?.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const onCancel = (event) => {
    event.preventDefault();
    onClose();
  };
  const onPointerDown = (event) => event.target === dialog.current && onClose();
  return html`
    <dialog class=${`sheet ${className}`} ref=${dialog} aria-label=${title} onCancel=${onCancel}
      onPointerDown=${onPointerDown}>
      <div class="sheet-room" ref=${room} tabindex="-1">
        <header class="sheet-top">${heading ?? html`<h2>${title}</h2>`}
          <button type="button" class="button quiet square" aria-label="Close" title="Close (Esc)" onClick=${onClose}>
          <${Icon} of="close" /></button></header>
        ${children}
      </div>
    </dialog>
  `;
}
