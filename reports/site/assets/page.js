"use strict";
// What every page does: says which tables scroll sideways, and copies what is meant to be copied.
(() => {
  const boxes = [...document.querySelectorAll(".scroll")].map((box) => {
    const hint = document.createElement("p");
    hint.className = "hint";
    hint.textContent = "This table is wider than the window: scroll it sideways →";
    box.before(hint);
    return { box, hint };
  });
  const measure = () => {
    for (const { box, hint } of boxes) hint.hidden = box.scrollWidth <= box.clientWidth + 1;
  };
  measure();
  window.addEventListener("resize", measure);
  window.addEventListener("load", measure);
  document.addEventListener("toggle", measure, true);

  const select = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };
  for (const button of document.querySelectorAll("button.copy")) {
    const text = button.parentElement.querySelector("pre");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      } catch {
        select(text); // without the right to write, the reader copies the selection
        button.textContent = "Press Ctrl+C";
      }
      setTimeout(() => {
        button.textContent = "Copy";
      }, 2000);
    });
  }
})();
