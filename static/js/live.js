// Manage renews itself by htmx. Here: rest while nobody looks, say aloud what has changed, and say so where
// it cannot be renewed. Without this script the page is as it was loaded.
const spoken = document.getElementById("spoken");
const stale = document.getElementById("stale");
const list = () => document.getElementById("tubes");
const isLive = (element) => element.id === "tubes" || element.id === "filter";

// Tube → what its row says of its state.
const states = () =>
  new Map([...list().querySelectorAll("[data-says]")].map((row) => [row.id, row.dataset.says]));

let before = states();
let narrowed = false;

// What is chosen is sent at once.
document.querySelector("#filter button").hidden = true;

const changes = (now) => [...now].filter(([id, says]) => before.has(id) && before.get(id) !== says);

const speak = () => {
  const now = states();
  if (narrowed) spoken.textContent = `${list().dataset.found} found`;
  else {
    const news = changes(now).map(([, says]) => says);
    if (news.length) spoken.textContent = news.slice(0, 3).join(". ");
  }
  [before, narrowed] = [now, false];
};

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) htmx.trigger("#tubes", "again");
});
document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id === "tubes" && document.hidden) event.preventDefault();
  if (event.detail.elt.id === "filter") narrowed = true;
});
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "tubes") speak();
});
document.body.addEventListener("htmx:afterRequest", (event) => {
  if (isLive(event.detail.elt)) stale.hidden = event.detail.successful;
});
