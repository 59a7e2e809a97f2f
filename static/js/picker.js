// The room picker by keyboard: from the search box down into what was found, up again, and Enter picks a room
// that stands alone. Without this script Tab leads there, and Enter searches.
const box = document.getElementById("q");
const found = document.getElementById("found");
const picks = () =>
  [...found.querySelectorAll("a.pick, button.pick")].filter((pick) => !pick.closest("details:not([open])"));

// What is typed is searched for at once.
const search = document.querySelector(".search .button");
if (search) search.hidden = true;

let shown = box?.value; // the words that what is shown was found by

const go = (event, element) => {
  if (!element) return;
  event.preventDefault();
  element.focus();
};

const inBox = (event) => {
  const rooms = picks();
  if (event.key === "ArrowDown") go(event, rooms[0]);
  if (event.key !== "Enter" || !box.value.trim()) return;
  // What was typed since may find others: then Enter is a search.
  if (box.value !== shown || rooms.length !== 1) return;
  event.preventDefault();
  rooms[0].click();
};

const inList = (event, pick) => {
  const rooms = picks();
  const place = rooms.indexOf(pick);
  const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: rooms.length - 1 }[event.key];
  if (to === undefined) return;
  go(event, to < 0 ? box : rooms[Math.min(to, rooms.length - 1)]);
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.target === box) inBox(event);
  const pick = event.target.closest?.("#found .pick");
  if (pick) inList(event, pick);
  if (pick && event.key === "Escape") go(event, box);
});
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.target !== found) return;
  shown = new URLSearchParams(event.detail.pathInfo.finalRequestPath.split("?")[1]).get("q");
});
