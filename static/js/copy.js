// A button with data-copy="ID" copies what stands in that field. Without this script it stays hidden,
// and the field can be copied by hand.
const reveal = (root) => root.querySelectorAll("[data-copy]").forEach((button) => (button.hidden = false));

const copied = async (field) => {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy"); // where the clipboard is closed to plain http
  }
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const done = await copied(document.getElementById(button.dataset.copy));
  button.textContent = done ? "Copied" : "Press Ctrl+C";
});
document.addEventListener("htmx:load", (event) => reveal(event.target));
reveal(document);
