(() => {
  const told = {told};
  document.documentElement.lang = told.language;

  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const shown = (element) => element.offsetParent !== null;

  document.addEventListener("keydown", (event) => {
    if (!["1", "2"].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.repeat) return event.preventDefault();
    const open = [...document.querySelectorAll(".tweet[data-open]")].filter((card) => shown(card) && !sent.has(card.dataset.open));
    const card = open.find((each) => each.contains(event.target)) ?? open[0];
    const button = card && card.querySelector(`[data-key="${event.key}"]`);
    if (!button) return;
    event.preventDefault();
    button.focus();  // from there the focus goes on to what takes its place
    button.click();
  });

  // Predictions whose vote is on its way: their cards look open until it is answered, and no key may vote on them again.
  const sent = new Set();
  document.addEventListener("click", ({target}) => {
    const card = target.closest("[data-key]") && target.closest(".tweet[data-open]");
    if (card) sent.add(card.dataset.open);
  }, true);
  const answered = () => {
    if (document.querySelector("#predict-notice .notice")) return sent.clear();
    const open = new Set([...document.querySelectorAll(".tweet[data-open]")].map((card) => card.dataset.open));
    for (const prediction of sent) if (!open.has(prediction)) sent.delete(prediction);
  };

  // A server that was started anew knows nothing of what is shown here, and would answer no click.
  // Gradio loads the page again as well: whoever does, it is told until the reader goes on.
  const EDITION = "vigie-edition", MARK = "vigie-restarted";
  const before = sessionStorage.getItem(EDITION);
  sessionStorage.setItem(EDITION, told.edition);
  if (before !== null && before !== told.edition) sessionStorage.setItem(MARK, "");
  let restarted = sessionStorage.getItem(MARK) !== null;
  for (const sign of ["pointerdown", "keydown"]) document.addEventListener(sign, () => sessionStorage.removeItem(MARK), {once: true});
  setInterval(async () => {
    const reply = await fetch("../edition", {cache: "no-store"}).catch(() => null);
    if (reply?.ok && (await reply.text()) !== told.edition) location.reload();
  }, told.every);

  // What refreshes by itself must not close what the reader has opened. Gradio does so wherever the new HTML differs, be
  // it in a word: only a click of the reader counts, and is heard before anything is closed by it.
  const opened = new Set();
  document.addEventListener("click", ({target}) => {
    const details = target.closest("details[data-keep] > summary")?.parentElement;
    if (details) opened[details.open ? "delete" : "add"](details.dataset.keep);
  }, true);
  document.addEventListener("toggle", ({target}) => {
    if (target.open && target.dataset.keep) opened.add(target.dataset.keep);  // the browser's own search has found it
  }, true);
  new MutationObserver(() => {
    answered();
    for (const shut of document.querySelectorAll("details[data-keep]:not([open])")) shut.open = opened.has(shut.dataset.keep);
    // Gradio says this in English only.
    for (const field of document.querySelectorAll("#upload [aria-label^='Click to upload']")) field.ariaLabel = told.choose;
    // Gradio gives each choice a name of its own: arrow keys would not lead from one to the next, and none say how many.
    for (const choice of document.querySelectorAll(".block input[type=radio][name^='radio-']")) {
      const group = choice.closest(".block");
      choice.name = group.id;
      group.role = "radiogroup";
      group.ariaLabel = group.querySelector("[data-testid='block-info']").textContent.trim();
    }
    const header = restarted && document.querySelector("#header");
    if (header) {
      restarted = false;
      const notice = document.createElement("p");
      Object.assign(notice, {id: "restarted", className: "notice info", role: "status", textContent: told.restarted});
      header.after(notice);
    }
  }).observe(document, {childList: true, subtree: true, attributeFilter: ["name", "open"]});

  setInterval(() => {
    for (const button of document.querySelectorAll("[data-left]")) {
      button.dataset.until ??= Date.now() + 1000 * Number(button.dataset.left);
      const left = Math.ceil((Number(button.dataset.until) - Date.now()) / 1000);
      if (left <= 0) {
        if (button === document.activeElement) button.closest(".tweet").focus();
        button.remove();
      } else button.querySelector(".left").textContent = left;
    }
  }, 250);
})();
