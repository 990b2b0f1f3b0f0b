"use strict";

// Copying: buttons appear only where they can work.
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    const said = button.nextElementSibling;
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(source);
      said.textContent = "selected, copy it with your keyboard";
    }
  });
}

// The time line is one stop of the tab key; arrow keys go from mark to mark.
const marks = [...document.querySelectorAll("a.mark")];
let current = 0;

function goTo(place) {
  marks[current].tabIndex = -1;
  current = Math.max(0, Math.min(marks.length - 1, place));
  marks[current].tabIndex = 0;
  marks[current].focus();
  marks[current].scrollIntoView({ block: "nearest", inline: "nearest" });
}

const steps = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };

marks.forEach((mark, place) => {
  mark.addEventListener("click", () => setTimeout(showTarget));
  mark.addEventListener("keydown", (event) => {
    if (event.key in steps && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      goTo(place + steps[event.key]);
    }
  });
});
if (marks.length) {
  marks[0].tabIndex = 0;
}

// A line that is pointed to shows what belongs to it.
function showTarget() {
  const target = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
  const details = target?.querySelector("details");
  if (details) {
    details.open = true;
  }
  (details?.querySelector("summary") ?? target)?.focus();
}
addEventListener("hashchange", showTarget);
showTarget();
