// Runs before the first paint, so that the page never flashes in the other colours.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try {
    chosen = JSON.parse(localStorage.getItem("modag.settings") ?? "{}").theme;
  } catch {
    // what is stored there is not ours
  }
  const theme = chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
})();
