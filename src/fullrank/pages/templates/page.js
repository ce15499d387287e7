"use strict";
/* Walks along the values of a chart: by pointer over the drawing, by keys on the slider. What is
   said are the cells of the chart's own table. */
for (const walk of document.querySelectorAll(".walk")) {
  const figure = walk.closest("figure");
  const svg = figure.querySelector("svg");
  const slider = walk.querySelector("input");
  const output = walk.querySelector("output");
  const at = walk.dataset.at.split(" ").map(Number);
  const texts = (cells) => [...cells].map((cell) => cell.textContent);
  const head = texts(figure.querySelectorAll("thead th"));
  const rows = [...figure.querySelectorAll("tbody tr")].map((row) => texts(row.children));
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
  cursor.setAttribute("class", "cursor");
  cursor.setAttribute("y1", 24);
  cursor.setAttribute("y2", 186);
  const show = (row) => {
    slider.value = row;
    cursor.setAttribute("x1", at[row]);
    cursor.setAttribute("x2", at[row]);
    if (!cursor.parentNode) svg.append(cursor);
    const said = rows[row].slice(1).map((value, i) => `${head[i + 1]} ${value}`).join(" · ");
    output.textContent = `${head[0]} ${rows[row][0]}: ${said}`;
    slider.setAttribute("aria-valuetext", output.textContent);
  };
  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    let best = 0;
    for (let row = 1; row < at.length; row += 1) {
      if (Math.abs(at[row] - x) < Math.abs(at[best] - x)) best = row;
    }
    show(best);
  };
  slider.addEventListener("input", () => show(Number(slider.value)));
  slider.addEventListener("focus", () => show(Number(slider.value)));
  svg.addEventListener("pointermove", nearest);
  svg.addEventListener("pointerdown", nearest);
  output.textContent = "Point or slide to read values.";
  walk.hidden = false;
}
