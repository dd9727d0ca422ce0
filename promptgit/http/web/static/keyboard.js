// Single keys for those who read with both hands on the keyboard; pages work without them. They are listed at "?",
// never work while a field has the focus, and can be switched off there (WCAG 2.1.4).
"use strict";

(() => {
  const OFF = "promptgit keys off";
  const dialog = document.querySelector("dialog.keys");
  const button = document.querySelector("[data-keys]");
  const toggle = dialog.querySelector("[data-toggle]");
  let on = true;
  const set = (wanted) => {
    on = wanted;
    toggle.textContent = on ? "Switch them off" : "Switch them on";
  };
  try {
    set(!localStorage.getItem(OFF));
  } catch {
    // the browser keeps nothing
  }
  toggle.addEventListener("click", () => {
    set(!on);
    try {
      on ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1");
    } catch {
      // the choice holds for this page
    }
  });

  const open = () => dialog.showModal();
  button.addEventListener("click", open);
  button.hidden = false;

  // Rows of lists, tables and histories that lead somewhere, and their links; not those in the text of a prompt.
  const rows = () =>
    [...document.querySelectorAll("main ol > li, main tbody > tr")]
      .map((row) => row.querySelector("a.name, a.number, a[href]"))
      .filter((link) => link && !link.closest(".content") && link.getClientRects().length);
  const go = (step) => {
    const links = rows();
    const at = links.findIndex((link) => link.closest("li, tr").contains(document.activeElement));
    const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step];
    next?.focus({ preventScroll: true });
    next?.closest("li, tr").scrollIntoView({ block: "nearest" });
  };

  const KEYS = {
    "?": open,
    "/": () => document.querySelector(".search input[type=search]")?.select(),
    e: () => document.querySelector('main a[href$="/edit"]')?.click(),
    j: () => go(1),
    k: () => go(-1),
  };
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!on || dialog.open || !Object.hasOwn(KEYS, event.key)) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    KEYS[event.key]();
  });
})();
