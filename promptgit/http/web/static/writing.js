// What forms that write do while somebody writes; all of them work without it.
"use strict";

const bytes = new TextEncoder();
// The rule of promptgit/domain/variables.py.
const variable = /\{\{\s*([\p{L}\p{Nl}\p{No}_][\p{L}\p{N}_]*)\s*\}\}/gu;
const AT_ONCE = 50_000; // characters; a longer text is looked at once its writer pauses

// The size of what is being written, its invisible characters, and the variables that it adds and drops.
for (const area of document.querySelectorAll("textarea[data-invisible]")) {
  const [size, change] = ["[data-size]", "[data-change]"].map((one) => area.form.querySelector(one));
  const invisible = new RegExp(area.dataset.invisible, "gu");
  const code = (one) => "U+" + one.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  const known = area.dataset.variables?.split(" ").filter(Boolean);
  const listed = (words, names) => {
    if (!names.length) return [];
    const parts = [`${words} `];
    names.slice(0, 8).forEach((name, at) => {
      const mark = document.createElement("code");
      mark.className = "variable";
      mark.textContent = `{{${name.replace(invisible, code)}}}`;
      parts.push(...(at ? [", "] : []), mark);
    });
    return names.length > 8 ? [...parts, ` and ${names.length - 8} more`] : parts;
  };
  const tellVariables = () => {
    const found = new Set([...area.value.matchAll(variable)].map((one) => one[1]));
    const before = new Set(known);
    const [dropped, added] = [[...before].filter((one) => !found.has(one)), [...found].filter((one) => !before.has(one))];
    const told = [...dropped.map((one) => `-${one}`), ...added.map((one) => `+${one}`)].join(" ");
    if (change.dataset.told === told) return; // it is read aloud when it changes
    change.dataset.told = told;
    const parts = [listed("drops", dropped), listed(known ? "adds" : "Variables:", added)];
    change.replaceChildren(...parts[0], ...(parts[0].length && parts[1].length ? [", "] : []), ...parts[1]);
    if (known) area.form.elements.told.value = told;
  };
  const tell = () => {
    const text = area.value;
    const lines = text.split("\n").length - (text.endsWith("\n") || !text);
    const codes = [...new Set(text.match(invisible))].map(code);
    const ends = "crlf" in area.dataset ? text.split("\n").length - 1 : 0; // the area has one character for both
    size.textContent =
      `${(bytes.encode(text).length + ends).toLocaleString("en")} bytes · ${lines.toLocaleString("en")} line${lines === 1 ? "" : "s"}` +
      (codes.length ? ` · invisible: ${codes.slice(0, 8).join(", ")}${codes.length > 8 ? ", …" : ""}` : "");
    tellVariables();
  };
  let waiting = 0;
  area.addEventListener("input", () => {
    if (area.value.length <= AT_ONCE) tellVariables(); // before anybody can save
    clearTimeout(waiting);
    waiting = setTimeout(tell, 150);
  });
  tell();
}

for (const form of document.querySelectorAll("form[data-writing]")) {
  let changed = "sent" in form.dataset;
  let sent = false;
  form.addEventListener("input", () => (changed = true));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault(); // a double click
    sent = true;
  });
  addEventListener("pageshow", () => (sent = false)); // back again
  addEventListener("beforeunload", (event) => {
    if (changed && !sent) event.preventDefault();
  });
}

for (const told of document.querySelectorAll("[data-shortcut]")) {
  const mac = /mac|iphone|ipad/i.test(navigator.userAgentData?.platform ?? navigator.platform);
  told.textContent = mac ? "⌘ Enter saves" : "Ctrl+Enter saves";
}
