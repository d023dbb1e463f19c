"use strict";
(() => {
  const step = 25;
  const list = document.getElementById("pairs");
  if (!list) return;
  const [search, domain, outcome, order] =
    ["find-text", "find-domain", "find-outcome", "find-order"].map((id) => document.getElementById(id));
  const status = document.getElementById("find-status");
  const more = document.getElementById("find-more");
  const plain = (text) => text.replace(/\s+/g, " ").toLowerCase();

  const rows = [...list.children].map((element, place) => {
    const texts = [...element.querySelectorAll(".passage")].map((passage) => {
      const copy = passage.cloneNode(true);
      copy.querySelectorAll(".all").forEach((label) => label.remove());
      return copy.textContent;
    });
    return {
      element,
      place,
      text: plain([element.dataset.prompt, ...texts].join("\n")),
      domain: element.dataset.domain,
      outcome: element.dataset.outcome,
      margin: Number(element.dataset.margin),
    };
  });
  const orders = {
    drawn: (a, b) => a.place - b.place,
    lowest: (a, b) => a.margin - b.margin || a.place - b.place,
    highest: (a, b) => b.margin - a.margin || a.place - b.place,
    closest: (a, b) => Math.abs(a.margin) - Math.abs(b.margin) || a.place - b.place,
  };
  let shown = step;

  const show = () => {
    const wanted = plain(search.value).split(" ").filter(Boolean);
    const found = rows
      .filter((row) =>
        (!domain.value || row.domain === domain.value) &&
        (!outcome.value || row.outcome === outcome.value) &&
        wanted.every((word) => row.text.includes(word)))
      .sort(orders[order.value]);
    for (const row of rows) row.element.hidden = true;
    found.forEach((row, place) => {
      row.element.hidden = place >= shown;
      list.append(row.element);
    });
    const visible = Math.min(shown, found.length);
    status.textContent = `${found.length} of ${rows.length} pairs match` +
      (visible < found.length ? `, the first ${visible} shown` : "");
    more.hidden = visible >= found.length;
  };
  const again = () => {
    shown = step;
    show();
  };
  search.addEventListener("input", again);
  for (const choice of [domain, outcome, order]) choice.addEventListener("change", again);
  more.addEventListener("click", () => {
    shown += step;
    show();
  });
  document.getElementById("find").hidden = false;
  again();
})();
