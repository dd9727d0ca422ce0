// What is typed into the form of a prompt is kept in this browser until it is saved: a draft per prompt and version
// that it was made from, offered when the form is opened again. A server never sees one.
"use strict";

(() => {
  const START = "promptgit draft ";
  const SENT = "promptgit sent"; // in sessionStorage: the draft of the form that this window has sent
  const MOST = 20;
  const OLDEST = 30 * 86_400_000; // milliseconds
  const PAUSE = 300; // milliseconds without typing, after which a draft is kept

  let drafts, visit;
  try {
    [drafts, visit] = [localStorage, sessionStorage];
  } catch {
    return; // the browser keeps nothing
  }

  const put = (storage, key, value) => {
    try {
      storage.setItem(key, value);
      return true;
    } catch {
      return false; // the storage is full
    }
  };
  const read = (key) => {
    try {
      return { key, ...JSON.parse(drafts.getItem(key)) };
    } catch {
      return { key, time: 0 };
    }
  };
  // The drafts whose keys begin so, newest first.
  const all = (start = START) =>
    Object.keys(drafts).filter((key) => key.startsWith(start)).map(read).sort((one, other) => other.time - one.time);

  for (const form of document.querySelectorAll('form[action$="/sign-out"]'))
    form.addEventListener("submit", () => all().forEach(({ key }) => drafts.removeItem(key))); // the next person may be another

  const area = document.querySelector("form[data-writing] textarea[name=content]");
  const sent = visit.getItem(SENT);
  const START_HERE = `${START}${location.pathname} `;
  // An error's page has the address of its form: it may be loaded, and so sent, again.
  if (!area && sent?.startsWith(START_HERE)) return;
  visit.removeItem(SENT);
  if (!area) {
    if (sent && document.querySelector(".message")) drafts.removeItem(sent); // the form was accepted
    return;
  }

  const form = area.form;
  const NAMES = ["name", "content", "description", "version", "commit"];
  const fields = NAMES.map((name) => form.elements[name]).filter(Boolean);
  const key = () => START_HERE + (form.elements.commit?.value ?? "");
  const values = () => Object.fromEntries(fields.map((field) => [field.name, field.value]));
  const fill = (from) => {
    for (const field of fields) field.value = from[field.name] ?? "";
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };

  // The form has come back, in a conflict with another version: its draft stays what it was, and goes with this form.
  const text = sent && sent !== key() && drafts.getItem(sent);
  if (text && put(drafts, key(), text)) drafts.removeItem(sent);

  all().forEach(({ key, time }, at) => {
    if (at >= MOST || Date.now() - time > OLDEST) drafts.removeItem(key);
  });

  let waiting = 0;
  const keep = () => {
    clearTimeout(waiting);
    waiting = 0;
    const typed = fields.some((field) => field.type !== "hidden" && field.value !== field.defaultValue);
    if (!typed && !("sent" in form.dataset)) return drafts.removeItem(key());
    const draft = JSON.stringify({ time: Date.now(), values: values() });
    while (!put(drafts, key(), draft)) {
      const oldest = all().filter((one) => one.key !== key()).pop();
      if (!oldest) return; // it is larger than all that the browser keeps
      drafts.removeItem(oldest.key);
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(keep, PAUSE);
  });
  addEventListener("pagehide", () => waiting && keep());
  form.addEventListener("submit", () => {
    if (waiting) keep();
    put(visit, SENT, key());
  });

  const offer = ({ key: kept, time, values: draft }) => {
    const notice = document.createElement("div");
    const words = document.createElement("p");
    notice.className = "warning draft";
    notice.setAttribute("role", "status");
    const button = (text, action) => {
      const made = document.createElement("button");
      Object.assign(made, { type: "button", className: "button", textContent: text });
      made.addEventListener("click", action);
      return made;
    };
    const older = form.elements.version && draft.commit !== form.elements.commit.value;
    const when = new Date(time).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
    const begun = older ? `, begun on version ${draft.version}, while the newest one is ${form.elements.version.value}` : "";
    const ask = () => {
      words.textContent = `A draft of ${when}${begun} was not saved.`;
      if (older) words.textContent += " Restored and saved, it is compared with what came since.";
      notice.replaceChildren(words, button("Restore the draft", restore), button("Discard it", discard));
    };
    const restore = () => {
      const before = values();
      fill(draft);
      words.textContent = `The draft of ${when} stands in the form.`;
      notice.replaceChildren(words, button("Take it back", () => (fill(before), ask())));
      area.focus();
    };
    const discard = () => {
      drafts.removeItem(kept);
      notice.remove();
      area.focus();
    };
    ask();
    form.before(notice);
  };
  if (!("sent" in form.dataset))
    for (const draft of all(START_HERE)) {
      if (!draft.values || draft.values.content === area.value) drafts.removeItem(draft.key);
      else offer(draft);
    }
})();
