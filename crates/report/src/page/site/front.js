"use strict";
(() => {
  const find = id => document.getElementById(id);
  const rows = Array.from(document.querySelectorAll("#claims tr"));
  const texts = rows.map(row => row.textContent.toLowerCase());
  const fields = ["words", "verdict", "study", "data", "experiment", "length"];
  const matrix = find("matrix"), buttons = Array.from(find("presets").children);
  let preset = "";

  // Every data set shows the report of the chosen preset, or the longest where there is none of it.
  const choose = name => {
    preset = name;
    matrix.classList.toggle("chosen", name !== "");
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.preset === name));
    for (const cell of matrix.querySelectorAll(".set")) {
      const links = Array.from(cell.children);
      const wanted = links.filter(link => link.dataset.preset === name);
      const shown = wanted.length ? wanted : links.filter(link => "longest" in link.dataset);
      for (const link of links) link.classList.toggle("picked", shown.includes(link));
    }
  };
  const filter = () => {
    const words = find("words").value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, place) => {
      const fits = fields.slice(1).every(name => !find(name).value || row.dataset[name] === find(name).value)
        && words.every(word => texts[place].includes(word));
      row.hidden = !fits;
      count += fits ? 1 : 0;
    });
    find("shown").textContent = count + " of " + rows.length;
    find("none").hidden = count > 0;
  };
  const remember = () => {
    const state = new URLSearchParams();
    for (const name of fields) if (find(name).value) state.set(name, find(name).value);
    if (preset) state.set("preset", preset);
    const text = state.toString();
    history.replaceState(null, "", "#" + text);
  };
  // What stands behind # is a claim's name, or filters.
  const recall = () => {
    const text = location.hash.slice(1);
    if (!text.includes("=")) return;
    const state = new URLSearchParams(text);
    for (const name of fields) find(name).value = state.get(name) || "";
    choose(state.get("preset") || "");
    filter();
  };
  for (const button of buttons) button.addEventListener("click", () => { choose(button.dataset.preset); remember(); });
  const form = find("filters");
  form.addEventListener("input", () => { filter(); remember(); });
  form.addEventListener("reset", () => setTimeout(() => { filter(); remember(); }));
  form.addEventListener("submit", event => event.preventDefault());
  window.addEventListener("hashchange", recall);
  recall();
  filter();
})();
