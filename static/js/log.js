// The relay log renews itself by htmx. Here: what somebody is reading stays where it is, and they are told what is
// newer instead; and it is said when it cannot be renewed. Without this script the page is as it was loaded.
{
  const log = () => document.getElementById("log");
  const stale = document.getElementById("stale");
  const isLog = (event) => event.detail.elt.id === "log";

  // Who has scrolled into the list reads there; who has marked something in it is about to copy it.
  const isReading = () => log().getBoundingClientRect().top < 0;
  const hasMarked = () => {
    const marked = document.getSelection();
    return !marked.isCollapsed && log().contains(marked.anchorNode);
  };

  let kept = null; // the row at the top of the window, and how far down it stands

  document.body.addEventListener("htmx:configRequest", (event) => {
    if (isLog(event) && isReading() && log().dataset.newest) event.detail.parameters.newest = log().dataset.newest;
  });
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (isLog(event) && hasMarked()) event.preventDefault();
  });
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target.id !== "log") return;
    const row = [...log().querySelectorAll(".log > li")].find((it) => it.getBoundingClientRect().bottom > 0);
    kept = isReading() && row ? { id: row.id, top: row.getBoundingClientRect().top } : null;
  });
  document.body.addEventListener("htmx:afterSwap", () => {
    const row = kept && document.getElementById(kept.id);
    if (row) window.scrollBy(0, row.getBoundingClientRect().top - kept.top);
    kept = null;
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (isLog(event)) stale.hidden = event.detail.successful;
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) htmx.trigger("#log", "again");
  });
}
