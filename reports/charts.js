// Charts of what the groups of a claim's tree did, drawn by Chart.js when the claim is opened first.
"use strict";
(function () {
  const colours = ["#2f6fb0", "#c7522a", "#4f8a3d", "#8a5aa8", "#b08a1e", "#4a9a9a"];
  const ink = getComputedStyle(document.body).color;
  Chart.defaults.color = ink;
  Chart.defaults.animation = false;

  // The last two parts of a group's path tell it from the others.
  function short(path) { return path.split("/").slice(-2).join("/"); }

  function draw(figure) {
    figure.classList.add("drawn");
    const lines = JSON.parse(figure.dataset.series).map(function (line, i) {
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
        aspectRatio: 3,
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
  // "toggle" does not bubble, but it is captured.
  document.addEventListener("toggle", function (event) {
    if (event.target.open && event.target.matches("details.claim")) drawIn(event.target);
  }, true);
  for (const claim of document.querySelectorAll("details.claim[open]")) drawIn(claim);
})();
