// Keyboard shortcuts, as the dialog #shortcuts lists them. One key alone acts only where nothing is typed,
// and whoever speaks to their computer can switch that off: WCAG 2.2, 2.1.4.
{
  const KEPT = "shortcuts"; // in this browser
  const dialog = document.getElementById("shortcuts");
  const areOn = dialog.querySelector("[name=shortcuts]");
  const kept = () => {
    try {
      return localStorage.getItem(KEPT) !== "off";
    } catch {
      return true; // a browser that keeps nothing
    }
  };

  areOn.checked = kept();
  areOn.addEventListener("change", () => {
    try {
      localStorage.setItem(KEPT, areOn.checked ? "on" : "off");
    } catch {
      // then it holds for this page
    }
  });

  const open = () => dialog.open || dialog.showModal();
  document.querySelectorAll("[data-shortcuts]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", open);
  });

  const tubes = () => [...document.querySelectorAll(".tube a.ends")];
  const step = (by) => {
    const all = tubes();
    const now = all.indexOf(document.activeElement.closest(".tube")?.querySelector("a.ends"));
    all[Math.max(0, Math.min(all.length - 1, now + by))]?.focus();
  };

  let afterG = 0; // until when a letter after g leads somewhere
  const WAIT = 1500;

  const goTo = (key) => {
    const link = dialog.querySelector(`[data-key="g ${key}"]`);
    if (link) location.assign(link.href);
    return Boolean(link);
  };

  const ACTS = {
    "?": open,
    "/": () => document.querySelector("main [type=search]")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    g: () => (afterG = Date.now() + WAIT),
  };

  document.addEventListener("keydown", (event) => {
    if (!areOn.checked || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
    const follows = Date.now() < afterG;
    afterG = 0;
    if (follows && goTo(event.key)) event.preventDefault();
    else if (ACTS[event.key]) {
      event.preventDefault();
      ACTS[event.key]();
    }
  });
}
