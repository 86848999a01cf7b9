// Search and filter for report.html. Without scripts the page shows everything; with them a bar above the
// claims narrows it. The choice stands in the address, as in #?q=cpu.max&verdict=violated,error, so that a
// link can name it. Text only ever goes through textContent.
"use strict";
(function () {
  const verdicts = ["violated", "error", "inconclusive", "unsupported", "holds"];
  const entries = Array.from(document.querySelectorAll("details.claim"), function (element) {
    const text = [".id", ".statement", ".reason"].map(function (part) {
      const found = element.querySelector(part);
      return found ? found.textContent : "";
    });
    const verdict = element.querySelector("summary .chip").textContent;
    return { element: element, verdict: verdict, text: text.join("\n").toLowerCase(), shown: true };
  });
  if (entries.length === 0) return;
  const areas = Array.from(document.querySelectorAll("section.area"), function (area) {
    return { element: area, claims: area.getElementsByClassName("claim") };
  });
  const of_element = new Map(entries.map(function (entry) { return [entry.element, entry]; }));

  function make(tag, properties, parent) {
    const element = Object.assign(document.createElement(tag), properties);
    parent.appendChild(element);
    return element;
  }
  const bar = document.createElement("div");
  bar.className = "filter";
  const search = make("input", { type: "search", placeholder: "id, statement or reason" }, bar);
  search.setAttribute("aria-label", "search claims");
  const boxes = verdicts.map(function (verdict) {
    const count = entries.filter(function (entry) { return entry.verdict === verdict; }).length;
    if (count === 0) return null;
    const label = make("label", { className: "chip " + verdict }, bar);
    const box = make("input", { type: "checkbox", checked: true, value: verdict }, label);
    label.appendChild(document.createTextNode(" " + verdict + " " + count));
    return box;
  }).filter(Boolean);
  const shown = make("output", { className: "faint" }, bar);
  const first = document.querySelector("section.area");
  first.parentNode.insertBefore(bar, first);

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set(boxes.filter(function (box) { return box.checked; })
      .map(function (box) { return box.value; }));
    let count = 0;
    for (const entry of entries) {
      const match = wanted.has(entry.verdict) &&
        words.every(function (word) { return entry.text.includes(word); });
      count += match ? 1 : 0;
      if (match !== entry.shown) entry.element.hidden = !match;
      entry.shown = match;
    }
    for (const area of areas) {
      area.element.hidden = !Array.prototype.some.call(area.claims, function (claim) {
        return of_element.get(claim).shown;
      });
    }
    shown.textContent = count + " of " + entries.length + " shown";
  }

  function read() {
    if (!location.hash.startsWith("#?")) return;
    const asked = new URLSearchParams(location.hash.slice(2));
    search.value = asked.get("q") || "";
    const only = asked.has("verdict") ? asked.get("verdict").split(",") : verdicts;
    for (const box of boxes) box.checked = only.includes(box.value);
  }
  function changed() {
    const asked = new URLSearchParams();
    if (search.value) asked.set("q", search.value);
    const on = boxes.filter(function (box) { return box.checked; });
    if (on.length < boxes.length) {
      asked.set("verdict", on.map(function (box) { return box.value; }).join(","));
    }
    const text = asked.toString();
    apply();
    // The last: a browser refuses it to somebody who types fast.
    history.replaceState(null, "", text ? "#?" + text : "#");
  }
  search.addEventListener("input", changed);
  for (const box of boxes) box.addEventListener("change", changed);
  // A link to a claim that is filtered out shows it again.
  window.addEventListener("hashchange", function () {
    const link = location.hash.length > 1 && !location.hash.startsWith("#?");
    const target = link && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const claim = target && target.closest("details.claim");
    if (claim && claim.hidden) {
      search.value = "";
      for (const box of boxes) box.checked = true;
      claim.open = true;
    }
    read();
    apply();
  });
  read();
  const begun = performance.now();
  apply();
  bar.dataset.milliseconds = (performance.now() - begun).toFixed(1);
})();
