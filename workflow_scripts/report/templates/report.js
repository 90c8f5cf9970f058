// Charts: each specification stands in the page, beside the place where it is drawn.
const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
for (const source of document.querySelectorAll("script[data-chart]")) {
  const place = document.getElementById(source.dataset.chart);
  vegaEmbed(place, JSON.parse(source.textContent), { actions: false, renderer: "svg", tooltip: { theme } }).catch((error) => {
    place.textContent = `The chart could not be drawn: ${error.message}`;
  });
}

// Tables: the head of a column sorts its rows, where they are three or more; numbers as numbers, cells without a value
// last.
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
  const rows = heading.closest("table").tBodies[0].rows;
  if (rows[0]?.cells[heading.cellIndex]?.classList.contains("number")) heading.classList.add("number");
  if (rows.length < 3) continue;
  const button = document.createElement("button");
  button.append(...heading.childNodes);
  button.type = "button";
  heading.append(button);
  button.addEventListener("click", () => sortBy(heading));
}

// On paper nothing unfolds: lists of what is missing and of files are printed whole.
addEventListener("beforeprint", () => {
  for (const list of document.querySelectorAll("dd details, td details")) list.open = true;
});
