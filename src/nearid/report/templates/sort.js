"use strict";
// A press on a heading sorts its table: upwards, downwards, then as it was written.
const MISSING = new Set(["", "–", "None", "nan"]);
// a number as `nearid.report.numerals` writes it, the lower end of an interval, or "3 of 4"
const NUMBER = /^(<\s)?([-−]?(?:\d[\d,]*(?:\.\d*)?(?:e[-−+]?\d+)?|∞))(?:\s%)?(?: (?:to|of|±) .*)?$/;

function numberOf(text) {
  if (text === "none") return 0;
  const found = NUMBER.exec(text);
  if (!found) return NaN;
  const plain = found[2].replaceAll("−", "-").replaceAll(",", "").replace("∞", "Infinity");
  return Number(plain) - (found[1] ? Number.EPSILON : 0);
}

function comparison(texts) {
  if (!texts.some((text) => Number.isNaN(numberOf(text)))) {
    return (a, b) => Math.sign(numberOf(a) - numberOf(b)) || 0;
  }
  return new Intl.Collator("en", { numeric: true }).compare;
}

function sorted(rows, column, direction) {
  const text = new Map(rows.map((row) => [row, row.cells[column].textContent.trim()]));
  const isMissing = (row) => MISSING.has(text.get(row));
  const held = rows.filter((row) => !isMissing(row));
  const compare = comparison(held.map((row) => text.get(row)));
  held.sort((a, b) => direction * compare(text.get(a), text.get(b)));
  return [...held, ...rows.filter(isMissing)];
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const written = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  const orders = {
    none: { next: "ascending", rows: () => written },
    ascending: { next: "descending", rows: (column) => sorted(written, column, 1) },
    descending: { next: "none", rows: (column) => sorted(written, column, -1) },
  };
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const order = orders[heading.getAttribute("aria-sort") ?? "none"].next;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      if (order !== "none") heading.setAttribute("aria-sort", order);
      body.replaceChildren(...orders[order].rows(column));
    });
  });
}

document.querySelectorAll("table").forEach((table) => {
  if (table.tBodies[0].rows.length > 1) makeSortable(table);
});
