// Every page works without this. With it there are copy buttons, and what is searched for appears as it is typed.
"use strict";

for (const button of document.querySelectorAll("button[data-copies]")) {
  const label = button.querySelector("[data-label]");
  const text = document.getElementById(button.dataset.copies);
  const words = label.textContent;
  let timer;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      label.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text);
      label.textContent = "Selected";
    }
    clearTimeout(timer);
    timer = setTimeout(() => { label.textContent = words; }, 2000);
  });
}

const powershell = document.querySelector("details[data-shell=powershell]");
if (powershell && navigator.userAgent.includes("Windows")) powershell.open = true;

const accounts = document.getElementById("accounts");
if (accounts) {
  // AWS's shortcut links name account and role after the number sign, which no server ever sees.
  const shortcut = /^#\/console\?(.*)$/.exec(location.hash);
  if (shortcut) location.replace(`${accounts.dataset.portal}/console?${shortcut[1]}`);
}

const field = document.getElementById("q");
if (accounts && field) {
  let newest = 0;
  let timer;

  const show = async () => {
    const turn = ++newest;
    const address = new URL(field.form.action);
    if (field.value.trim()) address.searchParams.set("q", field.value);
    let answer;
    try {
      answer = await fetch(address, { redirect: "manual" });
    } catch {
      return;
    }
    if (!answer.ok) {
      location.assign(address);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (turn !== newest) return;
    for (const id of ["tally", "accounts"])
      document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
    history.replaceState(null, "", address);
  };

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 150);
  });
}
