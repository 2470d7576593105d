"use strict";
// Answers are kept in the browser until they are saved as a file of labels.
(() => {
  const bar = document.querySelector(".bar");
  const tiles = [...document.querySelectorAll(".tile")];
  const key = `modag answers ${bar.dataset.sheet}`;
  const count = document.getElementById("count");
  const save = document.getElementById("save");
  const clear = document.getElementById("clear");
  const wantsKeys = document.getElementById("keys");
  let current = -1;
  let saved = false;

  // A browser that keeps nothing of pages from a disk still takes answers; they are gone with the page.
  const store = (answers) => {
    try {
      if (Object.keys(answers).length) localStorage.setItem(key, JSON.stringify(answers));
      else localStorage.removeItem(key);
    } catch { /* see above */ }
  };
  const stored = () => {
    try { return JSON.parse(localStorage.getItem(key)) || {}; } catch { return {}; }
  };

  const radio = (tile, value) => tile.querySelector(`input[type=radio][value="${value}"]`);
  const box = (tile) => tile.querySelector("input[type=text]");
  const answerOf = (tile) => ({
    answer: tile.querySelector("input[type=radio]:checked")?.value ?? "",
    name: box(tile).value.trim(),
  });
  const isAnswered = ({ answer, name }) => answer !== "" || name !== "";

  const show = () => {
    const answers = tiles.map(answerOf);
    const n = answers.filter(isAnswered).length;
    tiles.forEach((tile, place) => tile.classList.toggle("answered", isAnswered(answers[place])));
    count.textContent = `${n} of ${tiles.length} answered${saved ? ", saved" : ""}`;
    save.disabled = rowsOf(answers).length === 0;
    clear.disabled = n === 0;
    return answers;
  };
  const changed = () => {
    saved = false;
    const answers = show();
    store(Object.fromEntries(answers.map((one, place) => [place, one]).filter(([, one]) => isAnswered(one))));
  };

  // Columns are those by which `modag label --from` knows a review sheet; what is unsure gives no row.
  const rowsOf = (answers) => answers.flatMap(({ answer, name }, place) => {
    const { path, label, start, end } = tiles[place].dataset;
    const rows = [];
    if (answer === "y" || answer === "n") rows.push([path, label, start, end, answer]);
    if (name) rows.push([path, name, start, end, "y"]);
    return rows;
  });
  const cell = (text) => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const csv = (rows) => [["path", "label", "start_s", "end_s", "answer"], ...rows]
    .map((row) => `${row.map(cell).join(",")}\n`).join("");

  const go = (place) => {
    const next = Math.min(Math.max(place, 0), tiles.length - 1);
    tiles[current]?.classList.remove("current");
    current = next;
    tiles[current].classList.add("current");
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    tiles[current].scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
    tiles[current].focus({ preventScroll: true });
  };
  const answer = (value) => {
    const tile = tiles[Math.max(current, 0)];
    const chosen = radio(tile, value);
    if (!chosen) return;
    chosen.checked = true;
    if (value === "y") box(tile).value = "";
    changed();
    go(Math.max(current, 0) + 1);
  };
  const play = () => {
    const sound = tiles[Math.max(current, 0)].querySelector("audio");
    if (sound) sound.paused ? sound.play() : sound.pause();
  };

  tiles.forEach((tile, place) => {
    tile.tabIndex = -1;
    tile.addEventListener("focusin", () => {
      tiles[current]?.classList.remove("current");
      current = place;
      tile.classList.add("current");
    });
    for (const one of tile.querySelectorAll("input[type=radio]")) {
      one.addEventListener("change", () => {
        if (one.value === "y") box(tile).value = "";
        changed();
      });
    }
    box(tile).addEventListener("input", () => {
      if (radio(tile, "y") && box(tile).value.trim()) {
        radio(tile, "y").checked = false;
        if (bar.dataset.excludes) radio(tile, "n").checked = true;
      }
      changed();
    });
  });

  const keys = {
    j: () => go(current + 1),
    k: () => go(current - 1),
    y: () => answer("y"),
    n: () => answer("n"),
    "?": () => answer("?"),
    e: () => { go(Math.max(current, 0)); box(tiles[current]).focus(); },
    " ": play,
  };
  // Space presses, chooses and opens what has the focus.
  const hasOwnUse = ({ key, target }) => key === " " && target.matches("button, input, summary, a, audio");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isText = event.target.matches("input[type=text]");
    if (isText && (event.key === "Enter" || event.key === "Escape")) {
      event.preventDefault();
      if (event.key === "Enter") go(current + 1);
      else event.target.blur();
    } else if (!isText && wantsKeys.checked && keys[event.key] && !hasOwnUse(event)) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  save.addEventListener("click", () => {
    const blob = new Blob([csv(rowsOf(tiles.map(answerOf)))], { type: "text/csv;charset=utf-8" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = bar.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    saved = true;
    store({});
    show();
  });
  clear.addEventListener("click", () => {
    for (const tile of tiles) {
      for (const one of tile.querySelectorAll("input[type=radio]")) one.checked = false;
      box(tile).value = "";
    }
    changed();
  });

  for (const [place, { answer: value, name }] of Object.entries(stored())) {
    const tile = tiles[place];
    if (!tile) continue;
    const chosen = value && radio(tile, value);
    if (chosen) chosen.checked = true;
    box(tile).value = name;
  }
  show();
})();
