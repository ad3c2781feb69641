"use strict";
// What style sheets cannot do: options of commands stay whole, and tables that scroll sideways answer to the keyboard.
const LONGEST = 32; // characters of a word that fits a line on a phone; a longer one may be torn

/** Put every short word with a hyphen in `code` into an element that no line ends in; the text stays what it was. */
function keepWords(code) {
  const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts.filter((node) => node.data.includes("-"))) {
    const parts = text.data.split(/(\s+)/).map((word) => {
      if (!word.includes("-") || word.length > LONGEST) return word;
      const whole = document.createElement("span");
      whole.className = "whole";
      whole.textContent = word;
      return whole;
    });
    text.replaceWith(...parts);
  }
}

document.querySelectorAll(":is(p, li, td) > code, :is(.language-text, .language-bash) pre > code").forEach(keepWords);

window.addEventListener("load", () => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap")) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Table");
  }
});
