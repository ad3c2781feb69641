"use strict";
// Sorting and filtering of the one table of a board. Rows are read once; nothing is fetched.
(() => {
  const table = document.querySelector("table.sortable");
  const form = document.querySelector("form.filters");
  if (!table || !form) return;
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows].map((row) => ({
    row,
    text: row.textContent.toLowerCase(),
    keys: [...row.cells].map((cell) => ("v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent.trim().toLowerCase())),
    old: row.classList.contains("old"),
  }));
  const said = form.querySelector("output");
  const all = form.querySelector("button");
  const fields = form.elements;
  let limit = 100; // laying out a thousand rows takes longer than a person waits for a click

  const compare = (a, b) => {
    const empty = (a === "") - (b === "");
    if (empty) return { empty };
    if (typeof a === "number" && typeof b === "number") return { order: a - b };
    return { order: String(a).localeCompare(String(b), "en", { numeric: true }) };
  };

  const sort = (column, direction) => {
    heads.forEach((head, index) => head.setAttribute("aria-sort", index === column ? direction : "none"));
    const sign = direction === "ascending" ? 1 : -1;
    rows.sort((a, b) => {
      const found = compare(a.keys[column], b.keys[column]);
      return found.empty || sign * found.order || compare(a.keys[0], b.keys[0]).order || 0; // what is missing comes last
    });
    show();
    body.append(...rows.map((one) => one.row));
  };

  const show = () => {
    const words = fields.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let fitting = 0;
    for (const one of rows) {
      const fits =
        (fields.old.checked || !one.old) &&
        (!fields.verdict.value || one.row.dataset.verdict === fields.verdict.value) &&
        (!fields.class.value || one.row.dataset.class === fields.class.value) &&
        words.every((word) => one.text.includes(word));
      fitting += fits;
      one.row.hidden = !fits || fitting > limit;
    }
    said.textContent = `${fitting} of ${rows.length} entries${fitting > limit ? `, the first ${limit} shown` : ""}`;
    all.hidden = fitting <= limit;
  };

  heads.forEach((head, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const first = head.classList.contains("n") && !head.classList.contains("less") ? "descending" : "ascending"; // the best first
      const other = first === "ascending" ? "descending" : "ascending";
      sort(index, now === first ? other : first);
    });
  });
  heads.forEach((head, index) => head.setAttribute("aria-sort", index === 0 ? "ascending" : "none"));
  form.addEventListener("input", show);
  all.addEventListener("click", () => {
    limit = Infinity;
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
})();
