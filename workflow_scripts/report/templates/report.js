// Charts: the page has each specification as JSON, next to the element that it is drawn into.
const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
for (const source of document.querySelectorAll("script[data-chart]")) {
  const place = document.getElementById(source.dataset.chart);
  vegaEmbed(place, JSON.parse(source.textContent), { actions: false, renderer: "svg", tooltip: { theme } }).catch((error) => {
    place.textContent = `The chart could not be drawn: ${error.message}`;
  });
}

// Tables: in tables of three or more rows a click on a column head sorts the rows. Numbers are sorted as numbers, and
// cells without a value come last.
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

// Folded lists of missing items and of files are opened for printing.
addEventListener("beforeprint", () => {
  for (const list of document.querySelectorAll("dd details, td details")) list.open = true;
});
