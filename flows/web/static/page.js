// What needs a script; every page works without. Text is only ever written as text.
"use strict";
const errors = document.getElementById("errors");
if (errors) errors.focus();

for (const button of document.querySelectorAll("button.print")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
