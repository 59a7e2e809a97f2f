// A button with data-copy="ID" copies what stands in that field. Without this script it stays hidden,
// and the field can be copied by hand.
{
  const CONFIRMED = 5_000; // milliseconds that a button says so
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

  const confirm = (button, words) => {
    const before = [...button.childNodes];
    button.textContent = words;
    button.classList.add("done");
    window.say(words);
    setTimeout(() => {
      button.replaceChildren(...before);
      button.classList.remove("done");
    }, CONFIRMED);
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]:not(.done)");
    if (!button) return;
    const done = await copied(document.getElementById(button.dataset.copy));
    confirm(button, done ? "Copied" : "Press Ctrl+C");
  });
  document.addEventListener("htmx:load", (event) => reveal(event.target));
  reveal(document);
}
