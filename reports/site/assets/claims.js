"use strict";
// Filters the claims by words and by verdict.
(() => {
  const form = document.querySelector("form.filters");
  if (!form) return;
  const claims = [...document.querySelectorAll(".claim")].map((card) => ({ card, text: card.textContent.toLowerCase() }));
  const show = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdict = form.elements.verdict.value;
    let fitting = 0;
    for (const { card, text } of claims) {
      const fits = (!verdict || card.dataset.verdict === verdict) && words.every((word) => text.includes(word));
      card.hidden = !fits;
      fitting += fits;
    }
    form.querySelector("output").textContent = `${fitting} of ${claims.length} claims`;
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
})();
