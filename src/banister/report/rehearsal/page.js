"use strict";
(() => {
  const said = document.getElementById("said");
  const say = (text) => { if (said) said.textContent = text; };

  const copied = async (text, pre) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const range = document.createRange();
      range.selectNodeContents(pre);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      return document.execCommand("copy");
    }
  };

  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const pre = button.closest(".sql-box").querySelector("pre");
      const done = await copied(pre.textContent, pre);
      const word = button.querySelector(".word");
      word.textContent = done ? "Copied" : "Selected";
      say(done ? "Copied" : "The SQL is selected; copy it with the keyboard");
      setTimeout(() => { word.textContent = "Copy"; }, 2000);
    });
  }

  const findings = [...document.querySelectorAll(".finding")];
  const filters = document.querySelector(".filters");
  if (filters) {
    filters.addEventListener("change", () => {
      const shown = findings.filter((one) => one.checkVisibility()).length;
      say(`${shown} of ${findings.length} findings shown`);
    });
  }

  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    for (let box = target; box; box = box.parentElement) {
      if (box.tagName === "DETAILS") box.open = true;
    }
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const box of closed) box.open = true;
  });
  addEventListener("afterprint", () => { for (const box of closed) box.open = false; });
})();
