// Charts of what the groups of a claim's tree did, drawn by Chart.js when the claim is opened first,
// or comes into view.
"use strict";
(function () {
  const colours = ["#2f6fb0", "#c7522a", "#4f8a3d", "#8a5aa8", "#b08a1e", "#4a9a9a"];
  const ink = getComputedStyle(document.body).color;
  Chart.defaults.color = ink;
  Chart.defaults.animation = false;

  // The last two parts of a group's path tell it from the others: "podc.slice/cri-containerd-f19a0952….scope".
  // Of a slice's name, systemd's repetition of its parents is left out; of a container's id, all but its head.
  function short(path) {
    const label = path.split("/").slice(-2).map(function (part) {
      return part.replace(/^.+-(?=[^-]+\.slice$)/, "").replace(/([0-9a-f]{8})[0-9a-f]{24,}/g, "$1…");
    }).join("/");
    return label.length <= 60 ? label : label.slice(0, 29) + "…" + label.slice(-30);
  }

  function draw(figure) {
    figure.classList.add("drawn");
    // By name, so that a group has the same colour in both arms.
    const groups = JSON.parse(figure.dataset.series).sort(function (a, b) {
      return a.group < b.group ? -1 : a.group > b.group ? 1 : 0;
    });
    const lines = groups.map(function (line, i) {
      return {
        label: short(line.group), showLine: true, borderWidth: 1.5, pointRadius: 1.5,
        borderColor: colours[i % colours.length], backgroundColor: colours[i % colours.length],
        data: line.points.map(function (point) { return { x: point[0], y: point[1] }; })
      };
    });
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", figure.textContent);
    figure.appendChild(canvas);
    new Chart(canvas, {
      type: "scatter",
      data: { datasets: lines },
      options: {
        aspectRatio: 2,
        scales: {
          x: { title: { display: true, text: "seconds" } },
          y: { beginAtZero: true, title: { display: true, text: figure.dataset.unit } }
        },
        plugins: { legend: { position: "bottom", labels: { boxWidth: 10 } } }
      }
    });
  }
  function drawIn(claim) {
    for (const figure of claim.querySelectorAll("figure.chart:not(.drawn)")) draw(figure);
  }
  // A run may leave thousands of claims open: some are drawn at once, the others when they come into view.
  const opened = Array.from(document.querySelectorAll("details.claim[open]")).filter(function (claim) {
    return claim.querySelector("figure.chart") !== null;
  });
  opened.slice(0, 20).forEach(drawIn);
  const waiting = new Set(opened.slice(20));
  const seen = new IntersectionObserver(function (entries) {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      waiting.delete(entry.target);
      drawIn(entry.target);
    }
  }, { rootMargin: "400px" });
  for (const claim of waiting) seen.observe(claim);
  // "toggle" does not bubble, but it is captured. Claims that the page opens itself send it, too.
  document.addEventListener("toggle", function (event) {
    const claim = event.target;
    if (claim.open && claim.matches("details.claim") && !waiting.has(claim)) drawIn(claim);
  }, true);
})();
