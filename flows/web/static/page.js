// What needs a script; every page works without. Text is only ever written as text.
"use strict";

const one = (selector, within = document) => within.querySelector(selector);
const every = (selector, within = document) => [...within.querySelectorAll(selector)];
const write = (node, text) => {
  if (node && node.textContent !== text) node.textContent = text;
};

// The page anew. Where it is the answer to a form, to reload it would send the form again: it is asked for instead.
const renew = () => {
  if ("sent" in document.body.dataset) location.replace(location.pathname + location.search);
  else location.reload();
};

// What is wrong with a form is heard and seen first.
const errors = document.getElementById("errors");
if (errors) errors.focus();

// --- New run: days are counted as they are clicked.

const newRun = one("form[data-new-run]");
let touched = false;
if (newRun) {
  const days = every("input[data-day]", newRun);
  const cells = every("td.day", newRun).length;
  const count = () => {
    const used = days.filter((day) => day.checked).length;
    write(one("[data-used]", newRun), String(used));
    write(one("[data-left-out]", newRun), String(cells - used));
  };
  newRun.addEventListener("change", () => {
    touched = true;
    count();
  });
  newRun.addEventListener("submit", (event) => {
    // A double click is one click; the server knows that too.
    if (newRun.dataset.sent) event.preventDefault();
    newRun.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    delete newRun.dataset.sent; // came back with Back
    if (days.length) count();
  });
  if (newRun.dataset.look) look(newRun);
}

// The days that a look has read are shown at once, unless something was chosen meanwhile, or is to be put right.
function look(form) {
  const update = one('button[value="update"]', form);
  const ask = async () => {
    let state = "away";
    if (!document.hidden) {
      try {
        const answer = await fetch(form.dataset.look, { headers: { Accept: "application/json" } });
        if (answer.ok && answer.headers.get("content-type").startsWith("application/json")) {
          state = (await answer.json()).state;
        }
      } catch {
        state = "away";
      }
    }
    if (state !== "ended") {
      setTimeout(ask, 2000);
    } else if (touched || errors) {
      one("[data-look-ended]", form).hidden = false;
    } else if ("sent" in document.body.dataset && update) {
      update.click(); // shows what was chosen, and starts nothing
    } else {
      renew();
    }
  };
  setTimeout(ask, 2000);
}

// --- A run under way: texts and the bar change; a new state is a new page.

const live = one("[data-live]");
if (live && "EventSource" in window) {
  let source = null;
  const follow = () => {
    if (document.hidden) {
      if (source) source.close();
      source = null;
    } else if (!source) {
      source = new EventSource(live.dataset.live);
      source.addEventListener("message", (event) => show(JSON.parse(event.data)));
    }
  };
  const show = (now) => {
    if (now.ended || now.state !== live.dataset.state) {
      source.close();
      renew();
      return;
    }
    write(one("[data-silent]", live), now.silent);
    const bar = one("[data-bar]", live);
    if (bar && now.percent === null) bar.removeAttribute("value");
    else if (bar) bar.value = now.percent;
    for (const item of every("[data-step]", live)) {
      const [state, count, time] = now.steps[item.dataset.step] || [];
      if (state === undefined) continue;
      const name = state.replace(" ", "-");
      if (item.className !== name) {
        // A step began: shown by its sign, and said once.
        item.className = name;
        write(one(".sign", item), { done: "✓", now: "▶" }[name] || "○");
        if (name === "now") {
          item.setAttribute("aria-current", "step");
          write(one("[data-said]", live), item.children[1].firstChild.textContent.trim());
        } else {
          item.removeAttribute("aria-current");
        }
      }
      write(one("[data-count]", item), count);
      write(one("[data-time]", item), time);
    }
  };
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", () => source && source.close());
  follow();
}

// What is under way elsewhere: the page is asked for again while somebody looks.
const again = document.querySelector("[data-reload]");
if (again) {
  // What somebody is choosing meanwhile is not taken away.
  let chosen = false;
  document.addEventListener("input", () => { chosen = true; });
  setInterval(() => { if (!document.hidden && !chosen) renew(); }, Number(again.dataset.reload));
}

// A form that writes is sent once.
for (const form of every("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => delete form.dataset.sent);
}
