"use strict";
// Light or dark: as the system has it, unless the reader chose. This script runs before the page is drawn, so that a page
// never appears in the colours that were not chosen.
(() => {
  const KEY = "spikebench-theme"; // in localStorage: "light" or "dark"; nothing where the system decides
  const root = document.documentElement;
  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // a browser may forbid pages from a disk to remember
    }
  };
  const remember = (theme) => {
    try {
      if (theme === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // the choice then holds for this page only
    }
  };
  const current = () => root.dataset.theme ?? "system";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const next = () => {
    const [same, other] = dark.matches ? ["dark", "light"] : ["light", "dark"];
    return { system: other, [other]: same, [same]: "system" }[current()]; // so the first press changes what one sees
  };
  const show = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    const button = document.querySelector("button.theme");
    if (!button) return; // the page is not parsed yet
    button.textContent = `Theme: ${current()}`;
    button.title = `Change to ${next()}`;
    button.hidden = false;
  };
  show(remembered());
  document.addEventListener("DOMContentLoaded", () => {
    show(current());
    document.querySelector("button.theme").addEventListener("click", () => {
      show(next());
      remember(current());
    });
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) show(remembered()); // back on a page that was kept as it was
  });
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) show(event.newValue); // chosen on another page
  });
})();
