// The theme gives some controls a name that differs from the words they show; speech input and
// screen readers then miss each other. What is shown is the name.
document.addEventListener("DOMContentLoaded", () => {
  for (const control of document.querySelectorAll(":is(button, summary)[aria-label]")) {
    if (control.textContent.trim()) control.removeAttribute("aria-label");
  }
  // its children are entries of a bibliography, not items of a list
  document.querySelector(".citation-list[role=list]")?.removeAttribute("role");
});
