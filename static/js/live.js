// Manage renews itself by htmx. Here: say aloud what has changed and where it cannot be renewed, and have the
// tab say how many notices there are. Without this script the page is as it was loaded.
const spoken = document.getElementById("spoken");
const stale = document.getElementById("stale");
const list = () => document.getElementById("tubes");
const isLive = (element) => element.id === "tubes" || element.id === "filter";

// Tube → what its row says of its state.
const states = () =>
  new Map(
    [...list().querySelectorAll('[id^="tube-"]')].map((row) => {
      const [a, b] = [...row.querySelectorAll(".seat b")].map((name) => name.firstChild.textContent.trim());
      return [row.id, `${a} and ${b}: ${row.querySelector(".badge").textContent}`];
    }),
  );

const title = document.title.replace(/^\(\d+\+?\) /, "");
const tellTab = () => {
  const count = document.querySelector(".notice-count:not([hidden])")?.firstChild.textContent;
  document.title = count ? `(${count}) ${title}` : title;
};

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
  if (event.detail.elt.id === "filter") narrowed = true;
});
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id !== "tubes") return;
  speak();
  tellTab();
});
document.body.addEventListener("htmx:afterRequest", (event) => {
  if (isLive(event.detail.elt)) stale.hidden = event.detail.successful;
});
tellTab();
