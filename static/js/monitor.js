// The monitor renews itself by htmx. Here: rest while nobody looks or somebody works in it, keep open what was
// opened, and say so where it cannot be renewed. Without this script the page is as it was loaded.
const stale = document.getElementById("stale");
const part = () => document.getElementById("monitor");
const figures = () => document.getElementById("figures");
let isOpen = false;

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) htmx.trigger("#monitor", "again");
});
document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden || part().contains(document.activeElement)) event.preventDefault();
});
document.body.addEventListener("htmx:beforeSwap", (event) => {
  // Signed out meanwhile: the sign-in page has to be a whole page.
  const answered = new URL(event.detail.xhr.responseURL);
  if (answered.pathname !== window.location.pathname) {
    event.detail.shouldSwap = false;
    window.location.reload();
  }
  isOpen = Boolean(figures()?.open);
});
document.body.addEventListener("htmx:afterSwap", () => {
  if (figures()) figures().open = isOpen;
});
document.body.addEventListener("htmx:afterRequest", (event) => {
  stale.hidden = event.detail.successful;
});
