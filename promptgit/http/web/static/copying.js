// Buttons that copy; pages work without them.
"use strict";

const copies = (button, text) => {
  const words = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = words), 1500);
  });
};

// A whole text, byte for byte as its attribute has it: the page shows it with boxes.
for (const button of document.querySelectorAll("[data-copies]")) {
  if (!navigator.clipboard) break; // it is there over https, and on this machine
  button.hidden = false;
  copies(button, () => button.value);
}

for (const code of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${code.parentElement.previousElementSibling.textContent}`);
  copies(button, () => code.textContent.trim());
  code.after(" ", button);
}
