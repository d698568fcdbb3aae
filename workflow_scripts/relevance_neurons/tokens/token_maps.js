(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const [method, layer, theme, tip] = ["method", "layer", "theme", "tip"].map(at);
  const main = document.querySelector("main");
  const { fill, textOn, css } = tokenColours(data.scales);
  const PARTS = { c: "special token", q: "query", 1: "special token", p: "passage", 2: "special token" };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const print = matchMedia("print");
  let asked = null; // the theme that the reader chose; null: that of the system
  let spans = []; // of each pair, the elements of its tokens
  let told = null; // the token whose numbers are shown

  const written = (number) => String(number).replaceAll("-", "\u2212");
  const rounded = (number) => written(Number(number.toPrecision(3)));

  // What is shown

  const themeNow = () => (print.matches ? "light" : asked ?? (dark.matches ? "dark" : "light"));
  const scaleNow = () => document.querySelector("[name=scale]:checked").value;

  function scoresOf(pair) {
    return pair.scores[method.value]?.[layer.value] ?? null;
  }

  /* The end of the scale of raw scores: the largest of any token that is no special one. Those may
     lie beyond, and would leave the words pale. */
  function range() {
    let largest = 0, isSigned = false;
    for (const pair of data.pairs) {
      (scoresOf(pair)?.[0] ?? []).forEach((score, place) => {
        if (score < 0) isSigned = true;
        if ("qp".includes(pair.parts[place])) largest = Math.max(largest, Math.abs(score));
      });
    }
    return { largest: largest || 1, isSigned };
  }

  function colour(span, value, name) {
    const background = value === null ? null : fill(value, name);
    if (span.classList.contains("special")) {
      span.style.borderBottomColor = background === null ? "transparent" : css(background);
    } else {
      span.style.backgroundColor = background === null ? "transparent" : css(background);
      span.style.color = background === null ? "" : textOn(background);
    }
  }

  function render() {
    const name = themeNow(), isScaled = scaleNow() === "scaled", { largest, isSigned } = range();
    document.documentElement.dataset.theme = name;
    theme.setAttribute("aria-pressed", String(name === "dark"));
    let n_without = 0;
    data.pairs.forEach((pair, number) => {
      const scores = scoresOf(pair);
      if (scores === null) n_without += 1;
      const values = scores?.[isScaled ? 1 : 0], unit = isScaled ? 10000 : largest;
      spans[number].forEach((span, place) => {
        const value = values?.[place] ?? null;
        colour(span, value === null ? null : value / unit, name);
      });
    });
    drawKey(name, isScaled, largest, isSigned);
    const where = data.methods[method.value].layers[layer.value];
    at("shown").textContent = `${data.methods[method.value].name}, ` +
      `${where === null ? "no layer" : `after layer ${where}`}; ` +
      (isScaled ? "each pair from its smallest score (0) to its largest (1)"
        : "score; the scale ends at the largest of a word, special tokens may lie beyond") +
      (n_without ? `; ${n_without} of ${data.pairs.length} pairs have none` : "");
    hide();
  }

  function drawKey(name, isScaled, largest, isSigned) {
    const steps = Array.from({ length: 21 }, (_, i) => i / 20);
    const values = !isScaled && isSigned ? steps.map((one) => 2 * one - 1) : steps;
    const ends = isScaled ? [0, 0.5, 1] : isSigned ? [-largest, 0, largest] : [0, largest / 2, largest];
    const ticks = ends.map(rounded);
    at("bar").style.backgroundImage =
      `linear-gradient(to right, ${values.map((one) => css(fill(one, name))).join(", ")})`;
    at("ticks").replaceChildren(...ticks.map((tick) => made("span", { textContent: tick })));
    at("key").setAttribute("aria-label", `Colours from ${ticks[0]} to ${ticks[2]}, ` +
      (isSigned && !isScaled ? "blue below 0, orange above" : "pale to strong orange"));
  }

  // The pairs

  function made(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function about(pair) {
    const line = made("p", { className: "about" }, `${pair.label.replace("_", "-")}`);
    if (pair.p !== null) line.append(` · p(${pair.label.replace("_", "-")}) ${pair.p}`);
    line.append(` · ${pair.tokens.length} tokens`);
    if (pair.is_cut) line.append(" · ", made("span", { className: "cut", textContent: "cut at max_length" }));
    return line;
  }

  /* A word is one run of its pieces, so that letters which join do. */
  function drawLine(pair, number, name, isOwn) {
    const line = made("div", { className: `line ${name}`, dir: "auto" });
    line.setAttribute("role", "listbox");
    line.setAttribute("aria-orientation", "horizontal");
    line.setAttribute("aria-label", `${name} of pair ${number + 1}`);
    let last = null;
    pair.tokens.forEach((token, place) => {
      if (!isOwn(pair.parts[place])) return;
      const isSpecial = !"qp".includes(pair.parts[place]);
      const span = made("span", { className: isSpecial ? "token special" : "token", textContent: token });
      if (isSpecial) span.dir = "ltr"; // the line's direction is that of its text
      span.setAttribute("role", "option");
      span.setAttribute("aria-selected", "false");
      span.tabIndex = last === null ? 0 : -1;
      span.dataset.place = place;
      if (last !== null && (isSpecial || pair.words[place] !== pair.words[last])) line.append(" ");
      line.append(span);
      spans[number][place] = span;
      last = place;
    });
    return last === null ? [] : [made("p", { className: "field", textContent: name }), line];
  }

  function drawPair(pair, number) {
    spans[number] = [];
    const names = [pair.collection, `query ${pair.query_id}`, `passage ${pair.doc_id}`];
    const article = made("article", {},
      made("h2", { textContent: `${number + 1}. ${names.join(" · ")}` }), about(pair),
      ...drawLine(pair, number, "query", (part) => "cq1".includes(part)),
      ...drawLine(pair, number, "passage", (part) => "p2".includes(part)));
    article.dataset.pair = number;
    return article;
  }

  // A token's numbers

  function numbers(span) {
    const pair = data.pairs[span.closest("article").dataset.pair], place = Number(span.dataset.place);
    const scores = scoresOf(pair), own = scores?.[0][place] ?? null, found = [];
    if (own === null) found.push(["score", "none"]);
    else {
      const sum = scores[1].reduce((one, other) => one + other, 0);
      found.push(["score", written(own)], ["scaled", (scores[1][place] / 10000).toFixed(3)]);
      found.push(["weight", `${(sum ? (100 * scores[1][place]) / sum : 0).toFixed(2)} %`]);
    }
    const isPiece = (other) => pair.words[other] !== null && pair.words[other] === pair.words[place];
    const word = pair.tokens.filter((_, other) => isPiece(other)).join("");
    return { token: pair.tokens[place], word: word || pair.tokens[place], found,
      where: `${PARTS[pair.parts[place]]}, position ${place}` };
  }

  function show(span) {
    told = span;
    const { token, word, found, where } = numbers(span);
    tip.replaceChildren(made("b", {}, made("bdi", { textContent: token }),
      ...(word === token ? [] : [" of ", made("bdi", { textContent: word })])));
    for (const [name, value] of found) {
      const entry = made("span", { textContent: `${name} ${value}` });
      entry.dataset.name = name;
      entry.dataset.value = value;
      tip.append(entry, made("br", {}));
    }
    tip.append(where);
    tip.hidden = false;
    const box = span.getClientRects()[0] ?? span.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const below = box.bottom + 8 + own.height < innerHeight ? box.bottom + 8 : box.top - own.height - 8;
    tip.style.top = `${Math.max(4, below)}px`;
    tip.style.left = `${Math.max(4, Math.min(box.left, innerWidth - own.width - 8))}px`;
  }

  function hide() {
    told = null;
    tip.hidden = true;
  }

  function showFocused() {
    const span = document.activeElement.closest(".token");
    if (span) show(span); else hide();
  }

  function move(span, event) {
    const line = span.closest(".line"), own = [...line.querySelectorAll(".token")];
    const forward = getComputedStyle(line).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    const place = own.indexOf(span);
    const next = event.key === "Home" ? 0 : event.key === "End" ? own.length - 1
      : event.key in steps ? place + (event.key === forward ? 1 : -1) : null;
    if (next === null || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    own[Math.max(0, Math.min(own.length - 1, next))].focus();
  }

  function focused(span) {
    for (const other of span.closest(".line").querySelectorAll(".token[tabindex='0']")) {
      other.tabIndex = -1;
      other.setAttribute("aria-selected", "false");
    }
    span.tabIndex = 0;
    span.setAttribute("aria-selected", "true");
    const { token, word, found, where } = numbers(span);
    const said = found.map((one) => one.join(" ")).join(", ");
    span.setAttribute("aria-label", `${token}${word === token ? "" : ` of ${word}`}, ${said}, ${where}`);
    show(span);
  }

  // The controls

  function fillLayers() {
    const { layers } = data.methods[method.value], before = layer.selectedOptions[0]?.textContent;
    layer.replaceChildren(...layers.map((one, place) =>
      made("option", { value: place, textContent: one === null ? "none" : String(one) })));
    const same = [...layer.options].find((one) => one.textContent === before);
    // At first two thirds up, where the paper looks.
    layer.value = same ? same.value : String(Math.max(0, Math.round((2 * layers.length) / 3) - 1));
    layer.disabled = layers.length < 2;
  }

  const token = (event) => event.target.closest?.(".token");
  main.append(...data.pairs.map(drawPair));
  method.append(...data.methods.map((one, place) => made("option", { value: place, textContent: one.name })));
  method.addEventListener("change", () => { fillLayers(); render(); });
  layer.addEventListener("change", render);
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  for (const one of document.getElementsByName("scale")) one.addEventListener("change", render);
  theme.addEventListener("click", () => { asked = themeNow() === "dark" ? "light" : "dark"; render(); });
  for (const media of [dark, print]) media.addEventListener("change", render);
  main.addEventListener("mouseover", (event) => { if (token(event)) show(token(event)); });
  main.addEventListener("mouseout", (event) => {
    if (!token(event)) return;
    showFocused();
  });
  main.addEventListener("focusin", (event) => { if (token(event)) focused(token(event)); });
  main.addEventListener("focusout", hide);
  main.addEventListener("keydown", (event) => { if (token(event)) move(token(event), event); });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  for (const moved of ["scroll", "resize"]) {
    addEventListener(moved, () => { if (told) show(told); }, { passive: true });
  }
  fillLayers();
  render();
})();
