const isWide = (box) => box.scrollWidth > box.clientWidth + 1; // lengths are rounded

document.addEventListener("DOMContentLoaded", () => {
  // The theme gives some controls a name that differs from the words they show; speech input and
  // screen readers then miss each other. What is shown is the name.
  for (const control of document.querySelectorAll(":is(button, summary)[aria-label]")) {
    if (control.textContent.trim()) control.removeAttribute("aria-label");
  }
  for (const icon of document.querySelectorAll(".theme-switch")) icon.removeAttribute("title");
  // its children are entries of a bibliography, not items of a list
  document.querySelector(".citation-list[role=list]")?.removeAttribute("role");
  // A table wider than the text takes the right margin; the theme hides the contents beside it.
  for (const table of document.querySelectorAll(".cell_output table:not(details *)")) {
    if (isWide(table)) table.closest(".output").classList.add("full-width");
  }
  // No line ends between a number and its sign or within a number: 95 %, 5 000, 1 : 99.
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    if (words.currentNode.parentElement.closest("pre, code, script, style")) continue;
    const text = words.currentNode.data;
    const joined = text.replace(/(?<=^|\d) (?=%|\d{3}(?!\d)|: \d)|(?<=\d :) (?=\d)/g, "\u00a0");
    if (joined !== text) words.currentNode.data = joined;
  }
});

// What scrolls in a box of its own scrolls by keys, too; formulas are drawn last.
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  const boxes = "figure, .bd-article table, .pst-scrollable-table-container, mjx-container[display]";
  for (const box of document.querySelectorAll(boxes)) if (isWide(box)) box.tabIndex = 0;
});
