// Drawn here, of lines, so that they take the colour of the words beside them.

import { html } from "../vendor/htm-preact.js";

const DRAWN = {
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M20 20l-4-4",
  play: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14M16 5v14",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  alike: "M8 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M16 12a4 4 0 1 0 0 8 4 4 0 0 0 0-8M13 5h6v6M11 19H5v-6",
  folder: "M3.5 6h6l2 2.5h9V19h-17z",
  file: "M6 3h8l4 4v14H6zM14 3v4h4M12 17v-6M9.5 13.5L12 11l2.5 2.5",
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3M6 11a6 6 0 0 0 12 0M12 17v4",
  stop: "M7 7h10v10H7z",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01",
  sound: "M4 10v4M8 7v10M12 4v16M16 8v8M20 10.5v3",
  video: "M4 6h11v12H4zM15 10.5l5-3v9l-5-3",
  filters: "M4 6h16M7 12h10M10 18h4",
  help: "M9 9a3 3 0 1 1 4.2 2.7c-.8.4-1.2 1-1.2 1.8v.5M12 17.5h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10",
  settings: "M4 7h10M18 7h2M16 5v4M4 17h2M10 17h10M8 15v4M4 12h6M14 12h6M12 10v4",
  problem: "M12 4l9 16H3zM12 10v4.5M12 17.3h.01",
  undo: "M9 7L4.5 11.5 9 16M4.5 11.5H15a4.5 4.5 0 0 1 0 9h-3",
  copy: "M8 8h11v12H8zM8 16H5V4h11v4",
  crop: "M7 2v15h15M2 7h15v15",
  left: "M14.5 5l-7 7 7 7",
  right: "M9.5 5l7 7-7 7",
  tag: "M4 4h8l8 8-8 8-8-8zM8.5 8.5h.01",
};

export const Icon = ({ of }) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
  <path d=${DRAWN[of]} /></svg>`;
