// What needs a script; every page works without. Text is only ever written as text.
"use strict";
const errors = document.getElementById("errors");
if (errors) errors.focus();
