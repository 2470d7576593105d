// What one person likes, kept in their browser.

import { get, set } from "./state.js";

const KEY = "modag.settings";
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Read what is stored under a key; what cannot be read is as good as nothing. */
export function stored(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function store(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // a browser that keeps nothing still answers questions
  }
}

export function loadSettings() {
  const usual = {
    theme: "system",
    playsOnHover: !calm.matches,
    tile: 190,
    hasKeys: true,
    showsFilters: innerWidth >= 900,
  };
  set({ settings: { ...usual, ...stored(KEY, {}) } });
  show();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
}

export function change(changes) {
  const settings = { ...get().settings, ...changes };
  set({ settings });
  store(KEY, settings);
  show();
}

function show() {
  const { theme, tile } = get().settings;
  const isDark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  document.documentElement.style.setProperty("--tile", `${tile}px`);
}
