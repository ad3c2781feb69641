"use strict";
// Sorting and filtering of a page's table. Rows are read once; nothing is fetched.
(() => {
  const table = document.querySelector("table.sortable");
  const form = document.querySelector("form.filters");
  if (!table || !form) return;
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const place = new Map(heads.map((head, index) => [head.dataset.key, index]));
  const keyOf = (cell) => ("v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent.trim().toLowerCase());
  const rows = [...body.rows].map((row) => ({
    row,
    text: row.textContent.toLowerCase(),
    keys: [...row.cells].map(keyOf),
    words: [...row.cells].map((cell) => cell.dataset.f ?? cell.textContent.trim()),
    old: row.classList.contains("old"),
  }));
  const count = form.querySelector("output");
  const all = form.querySelector("button");
  const fields = form.elements;
  const choices = [...form.querySelectorAll("select[data-column]")].map((select) => ({
    select,
    column: place.get(select.dataset.column),
  }));
  const least = fields.least;
  if (fields.old) fields.old.parentElement.hidden = !rows.some((entry) => entry.old);
  let limit = 100; // laying out a thousand rows takes longer than a person waits for a click

  for (const { select, column } of choices) {
    const words = new Set(rows.map((entry) => entry.words[column]).filter(Boolean));
    const ordered = [...words].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    select.append(...ordered.map((word) => new Option(word, word)));
    select.parentElement.hidden = ordered.length < 2 && select.dataset.column !== "class";
  }

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
      const result = compare(a.keys[column], b.keys[column]);
      return result.empty || sign * result.order || compare(a.keys[0], b.keys[0]).order || 0; // what is missing comes last
    });
    show();
    body.append(...rows.map((entry) => entry.row));
  };

  const chosen = (entry) =>
    choices.every(({ select, column }) => !select.value || entry.words[column] === select.value) &&
    (!least?.value || 100 * entry.keys[place.get(least.dataset.column)] >= Number(least.value) - 1e-6);

  const show = () => {
    const words = fields.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let fitting = 0;
    for (const entry of rows) {
      const fits = (!entry.old || !fields.old || fields.old.checked) && chosen(entry) && words.every((word) => entry.text.includes(word));
      fitting += fits;
      entry.row.hidden = !fits || fitting > limit;
    }
    count.textContent = `${fitting} of ${rows.length} entries${fitting > limit ? `, the first ${limit} shown` : ""}`;
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
  heads.forEach((head, index) => head.setAttribute("aria-sort", head.dataset.key === "rank" ? "ascending" : "none"));
  form.addEventListener("input", show);
  all.addEventListener("click", () => {
    limit = Infinity;
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
})();
