"use strict";
// Draws plots and tables when they come into view, follows the theme, and switches views.
(() => {
  const root = document.documentElement;
  const palette = JSON.parse(document.getElementById("palette").textContent);
  const data = one => JSON.parse(one.querySelector("script[type='application/json']").textContent);
  const drawn = new Set(); // figures of plots

  // --- theme ---
  const THEMES = ["auto", "light", "dark"];
  const inkOf = () => {
    const style = getComputedStyle(root);
    return Object.fromEntries(
      ["text", "soft", "grid", "line", "paper"].map(name => [name, style.getPropertyValue("--" + name).trim()]));
  };
  const template = ink => {
    const axis = { gridcolor: ink.grid, linecolor: ink.line, zerolinecolor: ink.soft, tickcolor: ink.line,
      zerolinewidth: 1, ticks: "outside" };
    return { layout: { colorway: palette, font: { color: ink.text, family: "system-ui, sans-serif", size: 13 },
      xaxis: axis, yaxis: axis, hoverlabel: { bgcolor: ink.paper, bordercolor: ink.line, font: { color: ink.text } },
      colorscale: {}, legend: { bgcolor: "rgba(0,0,0,0)" } } };
  };

  // A plot is one picture to a reader of the screen: no buttons in it.
  const OPTIONS = { responsive: true, displayModeBar: false };

  function plotly() { // read when the first plot is seen: the answer stands before that
    if (!window.Plotly) {
      const script = document.createElement("script");
      script.textContent = document.getElementById("plotly").textContent;
      document.head.append(script);
    }
    return window.Plotly;
  }

  function drawPlot(figure, width) {
    const box = figure.querySelector(".canvas");
    const { data: traces, layout } = data(figure);
    drawn.add(figure);
    layout.template = template(inkOf());
    layout.width = width; // undefined: that of its place
    return plotly().react(box, traces, layout, OPTIONS);
  }

  function redraw() {
    for (const figure of drawn) if (figure.offsetParent) drawPlot(figure); else undraw(figure);
  }
  function undraw(figure) { // hidden: drawn anew when it is seen again
    Plotly.purge(figure.querySelector(".canvas"));
    drawn.delete(figure);
    watch.observe(figure);
  }

  // --- tables ---
  let bundle; // DataTables, once, from the text in the page
  function dataTables() {
    if (!bundle) {
      const text = document.getElementById("datatables").textContent;
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      bundle = import(url).finally(() => URL.revokeObjectURL(url));
    }
    return bundle;
  }
  const number = text => text === "" ? -Infinity : Number(text.replace(/[,%\s]/g, "").replace("\u2212", "-"));
  const asText = text => text.replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const shownAs = column => (text, type) =>
    type === "sort" || type === "type" ? (column.number ? number(text) : text.toLowerCase())
      : type === "display" ? asText(text) : text;

  async function drawTable(figure) {
    const { columns, cells, search } = data(figure);
    const { default: DataTable } = await dataTables();
    const rows = cells.length ? cells[0].map((_, i) => cells.map(column => column[i])) : [];
    const few = rows.length <= 10;
    figure.classList.toggle("wide", columns.length > 12);
    const isShort = column => column.number || cells[columns.indexOf(column)].every(text => text.length < 25);
    const look = column => (column.number ? "number" : "") + (isShort(column) ? " short" : "")
      + (column.title.length > 14 ? " long-title" : "");
    const made = new DataTable(figure.querySelector("table"), {
      data: rows, order: [], autoWidth: false, deferRender: true, pageLength: 10,
      lengthMenu: [10, 25, 100], paging: !few, info: !few, searching: search && !few,
      columns: columns.map(column => ({ title: asText(column.title), render: shownAs(column),
        type: column.number ? "num" : "string", className: look(column) })),
    });
    // Landmarks of their own names, whatever DataTables calls all of them.
    const name = figure.querySelector("figcaption").textContent.split(/[.;,]/)[0];
    figure.querySelectorAll("nav").forEach(nav => nav.setAttribute("aria-label", "Pages of: " + name));
    return made;
  }

  // --- when they are seen ---
  const draw = figure => figure.classList.contains("plot") ? drawPlot(figure) : drawTable(figure);
  const watch = new IntersectionObserver(entries => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "300px" });
  const figures = [...document.querySelectorAll("figure.plot, figure.table")];
  figures.forEach(figure => watch.observe(figure));

  // --- switches ---
  for (const one of document.querySelectorAll(".switched")) {
    const selects = [...one.querySelectorAll(":scope > .controls select")];
    const views = [...one.querySelectorAll(":scope > .view")];
    const show = () => {
      const key = JSON.stringify(selects.map(select => select.value));
      let found = false;
      for (const view of views) {
        view.hidden = JSON.stringify(JSON.parse(view.dataset.key)) !== key;
        found ||= !view.hidden;
      }
      one.querySelector(":scope > .missing").hidden = found;
    };
    selects.forEach(select => select.addEventListener("change", show));
    show(); // a browser may keep a choice over a reload
  }

  // --- the button ---
  const button = document.getElementById("theme");
  function setTheme(theme) {
    root.dataset.theme = theme;
    button.textContent = "Theme: " + theme;
    const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    root.classList.toggle("dark", dark); // what DataTables' sheet follows
    try { localStorage.setItem("explorer-theme", theme); } catch { /* a file's storage may be closed */ }
    redraw();
  }
  button.addEventListener("click", () =>
    setTheme(THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length]));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(root.dataset.theme));
  setTheme(root.dataset.theme);

  // --- print: everything that a choice shows, in light colours ---
  const PAPER = 690; // pixels between the margins of A4 and Letter, upright
  const printed = figure => !figure.closest("[hidden]");
  addEventListener("beforeprint", () => {
    root.classList.remove("dark");
    for (const figure of figures) if (printed(figure)) { watch.unobserve(figure); drawPrinted(figure); }
  });
  function drawPrinted(figure) {
    if (figure.classList.contains("plot")) drawPlot(figure, PAPER);
    else if (!figure.querySelector(".dt-container")) drawTable(figure);
  }
  addEventListener("afterprint", () => setTheme(root.dataset.theme));
  // A print waits for no import, so that DataTables is made ready once the page stands.
  (window.requestIdleCallback || setTimeout)(() => dataTables());
})();
