// Charts: each specification stands in the page, beside the place where it is drawn.
for (const source of document.querySelectorAll("script[data-chart]")) {
  const place = document.getElementById(source.dataset.chart);
  vegaEmbed(place, JSON.parse(source.textContent), { actions: false, renderer: "svg" }).catch((error) => {
    place.textContent = `The chart could not be drawn: ${error.message}`;
  });
}

// Tables: the head of a column sorts its rows; numbers as numbers, cells without a value last.
const value = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();

function sortBy(heading) {
  const body = heading.closest("table").tBodies[0];
  const column = heading.cellIndex;
  const ascending = heading.ariaSort !== "ascending";
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.ariaSort = ascending ? "ascending" : "descending";
  const rows = [...body.rows].sort((first, second) => {
    const [a, b] = [value(first, column), value(second, column)];
    if (a === "" || b === "") return (a === "") - (b === "");
    const order = isNaN(a) || isNaN(b) ? a.localeCompare(b, "en", { numeric: true }) : a - b;
    return ascending ? order : -order;
  });
  body.append(...rows);
}

for (const heading of document.querySelectorAll("thead th")) {
  const button = document.createElement("button");
  button.append(...heading.childNodes);
  button.type = "button";
  heading.append(button);
  button.addEventListener("click", () => sortBy(heading));
  const below = heading.closest("table").tBodies[0].rows[0]?.cells[heading.cellIndex];
  if (below?.classList.contains("number")) heading.classList.add("number");
}
