// What every page may use. Without this script each page is as it was loaded, and everything can be done.
{
  // ---------------------------------------------------------------- said to screen readers

  const said = document.getElementById("said");
  const say = (words) => {
    said.textContent = "";
    setTimeout(() => (said.textContent = words), 50); // the same words twice are news, too
  };
  window.say = say;

  // What stands in a live region from the start is passed over: so it is put there once more.
  document.querySelectorAll(".toast").forEach((toast) => {
    const parts = [...toast.childNodes];
    setTimeout(() => {
      toast.replaceChildren();
      setTimeout(() => toast.replaceChildren(...parts), 50);
    }, 100);
  });

  // ---------------------------------------------------------------- how long ago

  const UNITS = [
    [60, 3600, "minute"],
    [3600, 86_400, "hour"],
    [86_400, 30 * 86_400, "day"],
  ];
  const ago = (seconds) => {
    if (seconds < 60) return "just now";
    const unit = UNITS.find(([, below]) => seconds < below);
    if (!unit) return null; // a date, which stays true
    const number = Math.floor(seconds / unit[0]);
    return `${number} ${unit[2]}${number === 1 ? "" : "s"} ago`;
  };

  // The server's clock counts: this computer's may be wrong.
  const ahead = Date.now() - Date.parse(document.documentElement.dataset.now);

  const renewTimes = () => {
    document.querySelectorAll("time[data-ago]").forEach((time) => {
      const words = ago((Date.now() - ahead - Date.parse(time.dateTime)) / 1000);
      if (words && time.textContent !== words) time.textContent = words;
    });
  };

  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "medium" });
  const tellLocalTimes = (root) => {
    root.querySelectorAll("time[data-ago]:not([data-local])").forEach((time) => {
      const moment = new Date(time.dateTime);
      time.dataset.local = "";
      if (moment.getTimezoneOffset()) time.title = `${local.format(moment)} where you are, ${time.title}`;
    });
  };

  setInterval(renewTimes, 20_000);
  tellLocalTimes(document);

  // ---------------------------------------------------------------- at work

  const PATIENCE = 300; // milliseconds; what takes longer shows that it is at work
  const AGAIN = 10_000; // so long a form that was sent is not sent again
  const bar = document.getElementById("at-work");
  let soon = null;

  const begin = (words) => {
    clearTimeout(soon);
    soon = setTimeout(() => {
      bar.hidden = false;
      say(words);
    }, PATIENCE);
  };
  const end = () => {
    clearTimeout(soon);
    bar.hidden = true;
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog") return;
    if (form.dataset.sent) {
      event.preventDefault(); // pressed twice
      return;
    }
    if (form.method === "post") {
      form.dataset.sent = "yes";
      setTimeout(() => delete form.dataset.sent, AGAIN);
    }
    begin("Working …");
  });
  // Back from another page, out of the browser's memory: nothing is under way.
  window.addEventListener("pageshow", () => {
    end();
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  });

  const isPoll = (element) => /\bevery\b/.test(element.getAttribute("hx-trigger") ?? "");

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!isPoll(event.detail.elt)) begin("Searching …");
    else if (document.hidden) event.preventDefault(); // nobody looks
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!isPoll(event.detail.elt)) end();
  });
  document.addEventListener("htmx:load", (event) => {
    renewTimes();
    tellLocalTimes(event.target);
    if (event.target.id === "first-steps") say(event.target.dataset.says);
  });
}
