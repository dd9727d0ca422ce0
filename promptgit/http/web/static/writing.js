// What forms that write do while somebody writes; all of them work without it.
"use strict";

const bytes = new TextEncoder();

// The size of what is being written, and its invisible characters.
for (const area of document.querySelectorAll("textarea[data-invisible]")) {
  const size = document.querySelector("[data-size]");
  const invisible = new RegExp(area.dataset.invisible, "gu");
  const tell = () => {
    const text = area.value;
    const lines = text.split("\n").length - (text.endsWith("\n") || !text);
    const found = new Set(text.match(invisible));
    const codes = [...found].map((one) => "U+" + one.codePointAt(0).toString(16).toUpperCase().padStart(4, "0"));
    const ends = "crlf" in area.dataset ? text.split("\n").length - 1 : 0; // the area has one character for both
    size.textContent =
      `${(bytes.encode(text).length + ends).toLocaleString("en")} bytes · ${lines.toLocaleString("en")} line${lines === 1 ? "" : "s"}` +
      (codes.length ? ` · invisible: ${codes.slice(0, 8).join(", ")}${codes.length > 8 ? ", …" : ""}` : "");
  };
  let waiting = 0;
  area.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(tell, 150);
  });
  tell();
}

for (const form of document.querySelectorAll("form[data-writing]")) {
  let changed = false;
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
