
"use strict";
// Headings become buttons that sort: numbers from the largest first, texts from A first, and back at the next press.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const cells = [...body.rows].map((row) => ({ row, cell: row.cells[column] }));
      const numeric = cells.some(({ cell }) => cell.dataset.v !== undefined);
      const first = numeric && head.classList.contains("n") ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      const sign = order === "ascending" ? 1 : -1;
      const missing = (cell) => numeric && cell.dataset.v === undefined;
      cells.sort((a, b) => {
        if (missing(a.cell) !== missing(b.cell)) return missing(a.cell) ? 1 : -1;
        if (numeric) return sign * (Number(a.cell.dataset.v) - Number(b.cell.dataset.v)) || 0;
        return sign * a.cell.textContent.localeCompare(b.cell.textContent, "en");
      });
      body.append(...cells.map(({ row }) => row));
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
    });
  });
}
