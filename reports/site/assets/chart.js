"use strict";
// Pictures that answer to the mouse: an entry's marks and its row are lit together, and its figures are written below.
for (const board of document.querySelectorAll("[data-board]")) {
  const readout = board.querySelector(".readout");
  if (!readout) continue;
  const invitation = readout.textContent;
  const titles = new Map();
  for (const mark of board.querySelectorAll(".mark[data-e]")) {
    const title = mark.querySelector("title");
    titles.set(mark.dataset.e, [...(titles.get(mark.dataset.e) ?? []), title.textContent]);
  }
  readout.hidden = false;

  let current;
  let pointer = "mouse";

  const light = (entry) => {
    if (entry === current) return; // moving a mark below the pointer would tell of it again
    current = entry;
    for (const lit of board.querySelectorAll(".lit")) lit.classList.remove("lit");
    board.classList.toggle("lighted", entry !== undefined);
    readout.textContent = entry === undefined ? invitation : (titles.get(entry) ?? [""]).join(" · ");
    if (entry === undefined) return;
    for (const part of board.querySelectorAll(`[data-e="${entry}"]`)) {
      part.classList.add("lit");
      if (part.classList.contains("mark")) part.parentNode.append(part); // above the others
    }
  };
  const entryAt = (event) => event.target.closest?.("[data-e]")?.dataset.e;
  for (const kind of ["pointerover", "focusin"]) {
    board.addEventListener(kind, (event) => {
      const entry = entryAt(event);
      if (titles.has(entry)) light(entry);
    });
  }
  board.addEventListener("pointerdown", (event) => {
    pointer = event.pointerType;
  });
  board.addEventListener("pointerleave", () => light(undefined));
  board.addEventListener("click", (event) => {
    const mark = event.target.closest?.(".mark[data-e]");
    const link = mark && board.querySelector(`tr[data-e="${mark.dataset.e}"] a`);
    if (link && pointer === "mouse") location.href = link.href; // a finger has only pointed at it
  });
}
