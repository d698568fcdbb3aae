// Puts together the rankings of a view when it comes into sight: the page holds every text once.
(() => {
  const data = JSON.parse(document.getElementById("query-changes-data").textContent);
  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const signed = (value) => (value > 0 ? "+" : "") + value.toFixed(3).replace("-", "−");

  // One row of passages is [passage, rank before, rank after].
  const rows = (flat) => {
    const found = [];
    for (let at = 0; at < flat.length; at += 3) found.push(flat.slice(at, at + 3));
    return found;
  };

  const move = (from, to, was) => {
    if (from === to) return was ? `rank ${from} before, too` : `rank ${to} after, too`;
    const places = Math.abs(from - to) === 1 ? "1 place" : `${Math.abs(from - to)} places`;
    const way = to > from ? `▼ fell ${places}` : `▲ rose ${places}`;
    return was ? `rank ${from} before, ${way}` : `rank ${to} after, ${way}`;
  };

  const passage = ([number, before, after], isAfter) => {
    const [text, id, grade] = data.passages[number];
    const words = data.grades[grade];
    const item = element("li", /, relevant$/.test(words) ? "qc-relevant" : "");
    item.value = isAfter ? after : before;
    item.append(element("span", "qc-fact", `${words}; ${move(before, after, isAfter)}`));
    const shown = element("div", "", data.texts[text]);
    shown.dir = "auto"; // Arabic or Hebrew from the right, whatever the page's own words are
    item.append(element("span", "qc-id", ` (${id})`), shown);
    return item;
  };

  const side = (title, found, column) => {
    const part = element("div");
    const list = element("ol");
    found
      .filter((row) => row[column] <= data.depth)
      .sort((one, other) => one[column] - other[column])
      .forEach((row) => list.append(passage(row, column === 2)));
    part.append(element("h3", "", title), list);
    return part;
  };

  const query = ([number, before, after, flat], isOpen) => {
    const [id, text] = data.queries[number];
    const made = element("details");
    made.open = isOpen;
    const summary = element("summary");
    summary.append(element("bdi", "", text), " ");
    const change = `${data.measure} ${before.toFixed(3)} → ${after.toFixed(3)} (${signed(after - before)})`;
    summary.append(element("strong", "qc-change", change), element("span", "qc-id", ` query ${id}`));
    const sides = element("div", "qc-sides");
    const found = rows(flat);
    sides.append(
      side("Before: the whole ranker", found, 1),
      side("After: without the scheme's neurons", found, 2),
    );
    made.append(summary, sides);
    return made;
  };

  const draw = (place) => {
    if (place.childElementCount) return;
    data.views[Number(place.dataset.view)].forEach((one, index) => place.append(query(one, !index)));
  };

  const places = document.querySelectorAll(".query-changes");
  const seen = new IntersectionObserver(
    (entries) => entries.filter((one) => one.isIntersecting).forEach((one) => draw(one.target)),
    { rootMargin: "800px" },
  );
  places.forEach((one) => seen.observe(one));
  const drawShown = () => places.forEach((one) => one.closest("[hidden]") || draw(one));
  // After the page's own listener has changed the view.
  document.getElementById("switched-query-changes")
    .addEventListener("change", () => setTimeout(drawShown));
  // Paper opens nothing: all that are shown stand open on it.
  let closed = [];
  addEventListener("beforeprint", () => {
    drawShown();
    closed = [...document.querySelectorAll(".query-changes details:not([open])")];
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
  });
})();
