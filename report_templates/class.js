"use strict";
// Adds searching, filtering and sorting to the tables of students. Without it the page says the same, in one order.
(() => {
  const tools = document.getElementById("tools");
  const tables = [...document.querySelectorAll("table.students")];
  if (!tools || !tables.length) return;
  const [search, show, made, sort, found] = ["search", "show", "made", "sort", "found"].map(id => document.getElementById(id));
  const rows = tables.flatMap(table => [...table.tBodies[0].rows]);
  const few = new Set(["student", "outcome"]);  // these begin at the small end, numbers at the large one
  const fold = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  rows.forEach(row => { row.words = fold(row.dataset.search); });

  const fits = row =>
    fold(search.value).split(/\s+/).every(word => row.words.includes(word)) &&
    (!show.value || row.dataset.show.split(" ").includes(show.value)) &&
    (!made.value || row.dataset.made.split(" ").includes(made.value));

  const filter = () => {
    rows.forEach(row => { row.hidden = !fits(row); });
    tables.forEach(table => {
      const left = [...table.tBodies[0].rows].some(row => !row.hidden);
      table.hidden = !left;
      table.nextElementSibling.hidden = left;
    });
    const left = rows.filter(row => !row.hidden).length;
    found.textContent = left === rows.length ? `${left} students` : `${left} of ${rows.length} students`;
  };

  const order = (table, key, falling) => {
    const heads = [...table.tHead.rows[0].cells];
    const at = heads.findIndex(head => head.dataset.key === key);
    if (at < 0) return;
    heads.forEach(head => head.removeAttribute("aria-sort"));
    heads[at].setAttribute("aria-sort", falling ? "descending" : "ascending");
    const value = row => row.cells[at].dataset.value;
    const compare = key === "outcome"
      ? (one, other) => value(one).localeCompare(value(other))
      : (one, other) => Number(value(one)) - Number(value(other));
    const body = table.tBodies[0];
    const place = row => Number(row.cells[0].dataset.value);  // who is equal stays in the order of names
    const sorted = [...body.rows].sort((one, other) => (falling ? -1 : 1) * compare(one, other) || place(one) - place(other));
    body.append(...sorted);
  };

  for (const table of tables) {
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        order(table, head.dataset.key, now ? now === "ascending" : !few.has(head.dataset.key));
      });
    }
    order(table, "student", false);
  }
  for (const button of document.querySelectorAll("button.only-these")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      tools.reset();
      made.value = button.dataset.mistake;
      filter();
      document.getElementById("students").scrollIntoView();
      made.focus({ preventScroll: true });
    });
  }
  const sortAll = () => {
    const [key, up] = sort.value.split("-");
    tables.forEach(table => order(table, key, !few.has(key) && !up));
  };
  search.addEventListener("input", filter);
  show.addEventListener("change", filter);
  made.addEventListener("change", filter);
  sort.addEventListener("change", sortAll);
  tools.addEventListener("submit", event => event.preventDefault());
  tools.addEventListener("reset", () => setTimeout(() => { filter(); sortAll(); }));
  tools.hidden = false;
  filter();
})();
