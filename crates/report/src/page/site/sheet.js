"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
  const GREY = "#999999";
  const WIDTH = 440, HEIGHT = 270, LEFT = 58, RIGHT = 12, TOP = 24, BOTTOM = 44;
  const T95 = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

  const make = (name, attributes, parent, text) => {
    const svg = ["svg", "g", "path", "line", "rect", "circle", "text", "title"].includes(name);
    const node = svg ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };
  const shown = value => {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    const size = Math.abs(value);
    const text = size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(2) : String(Number(value.toPrecision(5)));
    return text.replace(/-/g, "−");
  };

  // ---- axes -------------------------------------------------------------------------------------------------
  const isLog = axis => axis.scale === "log2" || axis.scale === "log10";
  const forward = axis => axis.scale === "log2" ? Math.log2 : axis.scale === "log10" ? Math.log10 : value => value;
  const linearTicks = (low, high) => {
    const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough) || rough;
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9 && ticks.length < 40; i++) ticks.push(Number((i * step).toPrecision(12)));
    return ticks;
  };
  const scaled = (axis, values, from, to) => {
    if (axis.scale === "names") {
      const count = axis.names.length, slot = (to - from) / count;
      const at = value => from + (value + 0.5) * slot;
      return { at, ticks: axis.names.map((name, value) => ({ value, label: name })) };
    }
    const map = forward(axis);
    const usable = values.filter(v => v !== null && Number.isFinite(v) && (!isLog(axis) || v > 0)).map(map);
    let low = Math.min(...usable), high = Math.max(...usable);
    if (!usable.length) { low = 0; high = 1; }
    const air = high > low ? 0.05 * (high - low) : Math.abs(high) * 0.1 || 1;
    low -= air; high += air;
    const at = value => value === null || (isLog(axis) && value <= 0) ? null : from + (map(value) - low) / (high - low) * (to - from);
    const base = axis.scale === "log2" ? 2 : 10;
    let ticks = linearTicks(low, high);
    if (isLog(axis)) {
      const whole = ticks.filter(Number.isInteger);
      ticks = whole.length > 1 ? whole.map(t => base ** t) : linearTicks(base ** low, base ** high).filter(t => t > 0);
    }
    return { at, ticks: ticks.map(value => ({ value, label: shown(value) })) };
  };

  // ---- marks ------------------------------------------------------------------------------------------------
  // The values that each axis must span for a mark, and its points as {x, y, low, high}.
  const pointsOf = mark => {
    const data = mark.data;
    switch (mark.kind) {
      case "band": case "interval": return data.map(([x, low, high]) => ({ x, low, high }));
      case "forest": return data.map(([low, x, high, y]) => ({ x, y, left: low, right: high }));
      case "bars": return data.map(([x, y, low, high]) => ({ x, y, low, high, ground: 0 }));
      case "bins": return data.map(([left, right, y]) => ({ x: (left + right) / 2, y, left, right, ground: 0 }));
      case "vertical": return [{ x: data }];
      case "horizontal": return [{ y: data }];
      case "text": return [{ x: data[0], y: data[1] }];
      case "density": case "stacked": return data.map(([x, y]) => ({ x, y, ground: 0 }));
      default: return data.map(([x, y]) => ({ x, y }));
    }
  };
  const spanned = (marks, keys) => marks.flatMap(mark => mark.points.flatMap(p => keys.map(key => p[key]))).filter(v => v !== undefined);

  const line = (points, X, Y, key) => {
    let text = "", pen = false;
    for (const p of points) {
      const x = X.at(p.x), y = Y.at(p[key]);
      if (x === null || y === null || Number.isNaN(y)) { pen = false; continue; }
      text += (pen ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1);
      pen = true;
    }
    return text;
  };
  const draw = (mark, group, X, Y, width) => {
    const colour = mark.colour, dash = (mark.dash || []).join(" ");
    const stroke = { stroke: colour, fill: "none", "stroke-width": 1.7, "stroke-dasharray": dash };
    const dots = radius => mark.points.forEach(p => {
      const x = X.at(p.x), y = Y.at(p.y);
      if (x !== null && y !== null) make("circle", { cx: x, cy: y, r: radius, fill: colour }, group);
    });
    switch (mark.kind) {
      case "line": case "step": case "density":
        make("path", { ...stroke, d: line(mark.points, X, Y, "y") }, group);
        if (mark.dots || mark.points.length === 1) dots(2.6);
        break;
      case "points": dots(2.8); break;
      case "band": {
        const low = line(mark.points, X, Y, "low"), back = line([...mark.points].reverse(), X, Y, "high");
        if (low && back) make("path", { d: low + back.replace("M", "L") + "Z", fill: colour, opacity: 0.18 }, group);
        break;
      }
      case "interval":
        for (const p of mark.points) if (X.at(p.x) !== null && Y.at(p.low) !== null && Y.at(p.high) !== null)
          make("line", { ...stroke, "stroke-width": 1.2, x1: X.at(p.x), x2: X.at(p.x), y1: Y.at(p.low), y2: Y.at(p.high) }, group);
        break;
      case "forest":
        for (const p of mark.points) make("line", { ...stroke, x1: X.at(p.left), x2: X.at(p.right), y1: Y.at(p.y), y2: Y.at(p.y) }, group);
        dots(3.2);
        break;
      case "bars": case "stacked":
        for (const p of mark.points) {
          if (p.y === null) continue;
          const x = X.at(p.x) + mark.slot * width - (mark.count - 1) * width / 2, top = Math.min(Y.at(p.y), Y.at(0));
          make("rect", { x: x - width / 2, y: top, width: width * 0.92, height: Math.abs(Y.at(p.y) - Y.at(0)), fill: colour, opacity: 0.75 }, group);
          if (p.low !== null && p.low !== undefined) make("line", { x1: x, x2: x, y1: Y.at(p.low), y2: Y.at(p.high), class: "axis" }, group);
        }
        break;
      case "bins":
        for (const p of mark.points) make("rect", { x: X.at(p.left), y: Y.at(p.y), width: Math.max(X.at(p.right) - X.at(p.left), 0.5), height: Math.max(Y.at(0) - Y.at(p.y), 0), fill: colour, opacity: 0.5 }, group);
        break;
      case "vertical": make("line", { ...stroke, "stroke-dasharray": "5 4", x1: X.at(mark.data), x2: X.at(mark.data), y1: TOP, y2: HEIGHT - BOTTOM }, group); break;
      case "horizontal": make("line", { ...stroke, "stroke-dasharray": "5 4", x1: LEFT, x2: WIDTH - RIGHT, y1: Y.at(mark.data), y2: Y.at(mark.data) }, group); break;
      case "text": make("text", { x: X.at(mark.data[0]) + 4, y: Y.at(mark.data[1]) - 4 }, group, mark.data[2]); break;
    }
  };
  const axes = (svg, panel, X, Y) => {
    const right = WIDTH - RIGHT, bottom = HEIGHT - BOTTOM;
    let end = -Infinity;
    for (const tick of X.ticks) {
      const x = X.at(tick.value), half = tick.label.length * 3.1;
      if (x < LEFT - 1 || x > right + 1) continue;
      make("line", { x1: x, x2: x, y1: bottom, y2: bottom + 4, class: "axis" }, svg);
      if (x - half < end + 4) continue;
      end = x + half;
      make("text", { x, y: bottom + 16, "text-anchor": "middle" }, svg, tick.label);
    }
    for (const tick of Y.ticks) {
      const y = Y.at(tick.value);
      if (y < TOP - 1 || y > bottom + 1) continue;
      make("line", { x1: LEFT, x2: right, y1: y, y2: y, class: "grid" }, svg);
      const label = make("text", { x: LEFT - 5, y: y + 4, "text-anchor": "end" }, svg, tick.label.length > 10 ? tick.label.slice(0, 9) + "…" : tick.label);
      make("title", {}, label, tick.label);
    }
    make("path", { d: `M${LEFT} ${TOP}V${bottom}H${right}`, class: "axis" }, svg);
    make("text", { x: (LEFT + right) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, svg, panel.x.label);
    make("text", { x: LEFT - 50, y: 12, "font-weight": 600 }, svg, [panel.title, panel.y.label].filter(Boolean).join(" — "));
  };

  const drawPanel = (panel, host, state, say) => {
    const marks = panel.marks.map(mark => ({ ...mark, points: pointsOf(mark) }));
    const bars = marks.filter(mark => mark.kind === "bars");
    bars.forEach((mark, slot) => { mark.slot = slot; mark.count = bars.length; });
    marks.filter(mark => mark.kind === "stacked").forEach(mark => { mark.slot = 0; mark.count = 1; });
    const X = scaled(panel.x, spanned(marks, ["x", "left", "right"]), LEFT, WIDTH - RIGHT);
    const Y = scaled(panel.y, spanned(marks, ["y", "low", "high", "ground"]), HEIGHT - BOTTOM, TOP);
    const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT }, host);
    axes(svg, panel, X, Y);
    const slots = panel.x.scale === "names" ? panel.x.names.length : new Set(bars.flatMap(mark => mark.points.map(p => p.x))).size || 8;
    const width = 0.8 * (WIDTH - LEFT - RIGHT) / slots / Math.max(bars.length, 1);
    const order = [...marks].sort((a, b) => (a.kind === "band") < (b.kind === "band") ? 1 : -1);
    const visible = mark => !mark.series || state.only === null || mark.series === state.only;
    for (const mark of order) {
      const group = make("g", { class: visible(mark) ? "" : "faint", "data-series": mark.series }, svg);
      draw(mark, group, X, Y, width);
    }
    svg.addEventListener("pointermove", event => {
      const box = svg.getBoundingClientRect(), zoom = WIDTH / box.width;
      const px = (event.clientX - box.left) * zoom, py = (event.clientY - box.top) * zoom;
      let best = null, distance = 30;
      for (const mark of marks.filter(visible)) for (const p of mark.points) {
        if (p.x === undefined || p.y === undefined || p.y === null) continue;
        const away = Math.hypot(X.at(p.x) - px, Y.at(p.y) - py);
        if (away < distance) { distance = away; best = { mark, p }; }
      }
      say(best ? told(best, marks, panel) : "");
    });
  };
  // Series, place, value, interval and seed of the point under the pointer.
  const told = ({ mark, p }, marks, panel) => {
    const name = axis => axis.scale === "names" ? v => axis.names[v] || "" : shown;
    const partner = marks.find(other => other.series === mark.series && (other.kind === "band" || other.kind === "interval"));
    const ends = p.low !== undefined ? p : p.left !== undefined ? { low: p.left, high: p.right }
      : partner && partner.points.find(one => one.x === p.x);
    const value = mark.kind === "forest" ? `${name(panel.y)(p.y)}: ${shown(p.x)}` : `${name(panel.x)(p.x)}: ${shown(p.y)}`;
    const interval = ends && ends.low !== null ? ` [${shown(ends.low)}, ${shown(ends.high)}]` : "";
    const seed = mark.seed !== undefined ? `, seed ${mark.seed}` : "";
    return [mark.series, value + interval + seed].filter(Boolean).join(" · ");
  };

  // A chart: panels, a key that isolates series, a slider where there are many.
  const chart = (host, figure, state) => {
    host.replaceChildren();
    const series = [...new Map(figure.panels.flatMap(panel => panel.marks).filter(mark => mark.series).map(mark => [mark.series, mark.colour]))];
    if (!series.some(([name]) => name === state.only)) state.only = null;
    const again = () => chart(host, figure, state);
    const read = make("div", { class: "read", "aria-live": "polite" });
    const panels = make("div", { class: "panels" }, host);
    figure.panels.forEach(panel => drawPanel(panel, panels, state, text => { read.textContent = text; }));
    host.append(read);
    if (series.length > 1) {
      const keys = make("div", { class: "keys" }, host);
      for (const [name, colour] of series) {
        const key = make("button", { type: "button", "data-series": name, class: state.only === null || state.only === name ? "" : "off" }, keys);
        make("i", { style: "background:" + colour }, key);
        key.append(name);
        key.addEventListener("click", () => { state.only = state.only === name ? null : name; again(); });
      }
    }
    if (series.length > 5) {
      const place = series.findIndex(([name]) => name === state.only) + 1;
      const label = make("label", { class: "controls" }, host, "one at a time ");
      const slider = make("input", { type: "range", min: 0, max: series.length, value: place }, label);
      make("span", {}, label, state.only || "all");
      slider.addEventListener("change", () => { state.only = slider.value > 0 ? series[slider.value - 1][0] : null; again(); host.querySelector("input[type=range]").focus(); });
    }
  };

  // ---- figures ----------------------------------------------------------------------------------------------
  const figures = JSON.parse(document.getElementById("figures").textContent);
  for (const node of document.querySelectorAll("figure[data-figure]")) {
    const figure = figures[node.dataset.figure], button = node.querySelector("button.explore");
    if (!figure) continue;
    const drawn = node.querySelector(".drawn"), image = drawn.firstElementChild, state = { only: null };
    button.hidden = false;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      drawn.classList.toggle("chart", on);
      if (on) chart(drawn, figure, state); else drawn.replaceChildren(image);
    });
  }

  // ---- rows -------------------------------------------------------------------------------------------------
  const tables = JSON.parse(document.getElementById("rows").textContent);
  const explorer = document.getElementById("explorer");
  if (!explorer || !tables.length) return;
  const mean = values => values.reduce((sum, v) => sum + v, 0) / values.length;
  // Mean and 95 % interval of Student's t over seeds.
  const estimate = values => {
    const usable = values.filter(v => v !== null && Number.isFinite(v)), n = usable.length;
    if (!n) return null;
    const middle = mean(usable);
    if (n < 2) return { y: middle, low: null, high: null };
    const spread = Math.sqrt(usable.reduce((sum, v) => sum + (v - middle) ** 2, 0) / (n - 1));
    const half = (T95[n - 2] || 1.96 + 2.6 / (n - 1)) * spread / Math.sqrt(n);
    return { y: middle, low: middle - half, high: middle + half };
  };
  const select = (parent, label, values, chosen, changed) => {
    const node = make("label", {}, parent, label + " ");
    const list = make("select", { "data-choice": label }, node);
    values.forEach(value => make("option", { value }, list, value));
    list.value = chosen;
    list.addEventListener("change", () => changed(list.value));
    return list;
  };
  const guess = (columns, patterns, fallback) => {
    for (const pattern of patterns) { const found = columns.find(column => pattern.test(column)); if (found) return found; }
    return columns[fallback] || columns[0];
  };
  const state = { table: 0, mode: "mean", only: null };
  const ofTable = place => {
    const table = tables[place], progress = table.progress === null ? undefined : table.columns[table.progress];
    state.table = place;
    // Many series side by side have no room for their names: their outcomes stand over what they cost or hold.
    const cost = table.series.length > 12 && table.columns.find(column => /^(width|units|hidden_units|size|parameters)$|macs$/.test(column));
    state.x = progress || cost || "series";
    state.y = guess(table.columns.filter(c => c !== state.x), [/^test_accuracy$/, /^test_score$/, /validation_accuracy/, /accuracy/, /score/, /^(test|validation)$/, /loss/], 0);
    state.reference = table.series[0];
  };
  // The rows of every series by seed, in order.
  const grouped = table => {
    const groups = table.series.map(() => new Map());
    for (const row of table.rows) {
      const seeds = groups[row[0]];
      if (!seeds.has(row[1])) seeds.set(row[1], []);
      seeds.get(row[1]).push(row.slice(2));
    }
    return groups;
  };
  const marksOf = table => {
    const groups = grouped(table), x = table.columns.indexOf(state.x), y = table.columns.indexOf(state.y);
    const base = groups[table.series.indexOf(state.reference)];
    const many = table.series.length > PALETTE.length, marks = [];
    groups.forEach((seeds, place) => {
      const series = table.series[place];
      const colour = state.only === series || place < PALETTE.length ? PALETTE[place % PALETTE.length] : many ? GREY : PALETTE[place];
      const place_of = (rows, step) => x < 0 ? place : rows[step] ? rows[step][x] : null;
      const value = (seed, rows, step) => {
        const own = rows[step] ? rows[step][y] : null;
        if (state.mode !== "paired difference") return own;
        const other = base && base.get(seed) && base.get(seed)[step];
        return own === null || !other || other[y] === null ? null : own - other[y];
      };
      if (state.mode === "paired difference" && series === state.reference) return;
      const steps = Math.max(...[...seeds.values()].map(rows => rows.length));
      const common = { series, colour, dots: steps < 2 || x < 0 };
      if (state.mode === "seeds") {
        for (const [seed, rows] of seeds) {
          const data = rows.map((_, step) => [place_of(rows, step), value(seed, rows, step)]);
          marks.push({ ...common, kind: steps > 1 && x >= 0 ? "line" : "points", seed: table.seeds[seed], data });
        }
        return;
      }
      const all = [...seeds], data = [], ends = [];
      for (let step = 0; step < steps; step++) {
        const found = estimate(all.map(([seed, rows]) => value(seed, rows, step)));
        const where = all.map(([, rows]) => place_of(rows, step)).filter(v => v !== null);
        if (!found || !where.length) continue;
        data.push([mean(where), found.y]);
        if (found.low !== null) ends.push([mean(where), found.low, found.high]);
      }
      if (ends.length) marks.push({ ...common, kind: steps > 1 && x >= 0 ? "band" : "interval", data: ends });
      marks.push({ ...common, kind: steps > 1 && x >= 0 ? "line" : "points", data });
    });
    if (state.mode === "paired difference") marks.push({ kind: "horizontal", series: "", colour: GREY, data: 0 });
    return marks;
  };
  const controls = make("div", { class: "controls" }), host = explorer.querySelector(".chart");
  host.before(controls);
  const show = () => {
    const table = tables[state.table];
    controls.replaceChildren();
    const set = key => value => { state[key] = value; show(); };
    if (tables.length > 1) select(controls, "table", tables.map(t => t.name), table.name, value => { ofTable(tables.findIndex(t => t.name === value)); show(); });
    select(controls, "y", table.columns, state.y, set("y"));
    select(controls, "x", ["series", ...table.columns], state.x, set("x"));
    select(controls, "show", ["mean", "seeds", "paired difference"], state.mode, set("mode"));
    if (state.mode === "paired difference") select(controls, "less", table.series, state.reference, set("reference"));
    const x = state.x === "series" ? { label: "", scale: "names", names: table.series } : { label: state.x, scale: "linear", names: null };
    const label = state.mode === "paired difference" ? `${state.y} less that of ${state.reference}` : state.y;
    chart(host, { panels: [{ title: "", x, y: { label, scale: "linear", names: null }, marks: marksOf(table) }] }, state);
  };
  ofTable(0);
  show();
})();
