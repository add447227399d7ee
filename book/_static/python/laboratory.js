// The Type I error laboratory: a form, two rates with their intervals, and both to take away.
"use strict";
(() => {
  const { make, offer } = window.mmPython;
  // name, label, first value, least, most, step
  const FIELDS = [
    ["groups", "groups", 18, 3, 200, 1],
    ["observations", "observations a group", 10, 3, 100, 1],
    ["slope_sd", "SD of the slopes", 1, 0, 20, "any"],
    ["intercept_sd", "SD of the intercepts", 1, 0, 20, "any"],
    ["correlation", "their correlation", 0, -1, 1, "any"],
    ["sigma", "SD of the residuals", 1, 0.01, 20, "any"],
    ["alpha", "level of the test", 0.05, 0.001, 0.5, "any"],
    ["data_sets", "data sets", 5000, 100, 20000, 1],
    ["seed", "seed", 1, 0, 2147483648, 1],
  ];
  const percent = (share) => `${(100 * share).toFixed(1)}%`;

  function file(name, type, text) {
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  // A scale from 0 to 1 with both intervals on it; the table beside it has the same numbers.
  function scale(rates, alpha) {
    const row = ({ rate, lower, upper }, i) => {
      const y = 14 + 20 * i;
      return `<line x1="${300 * lower}" x2="${300 * upper}" y1="${y}" y2="${y}" class="mm-bar mm-bar-${i}"></line>` +
        `<circle cx="${300 * rate}" cy="${y}" r="2.2" class="mm-dot mm-bar-${i}"></circle>`;
    };
    const box = make("div", { class: "mm-scale", "aria-hidden": "true" });
    box.innerHTML = `<svg viewBox="-14 0 328 62" preserveAspectRatio="xMidYMid meet"><line x1="0" x2="300" y1="46" y2="46" class="mm-axis"></line>` +
      `<line x1="${300 * alpha}" x2="${300 * alpha}" y1="2" y2="46" class="mm-level"></line>` + rates.map(row).join("") +
      [0, 0.25, 0.5, 0.75, 1].map((t) => `<text x="${300 * t}" y="60" text-anchor="middle">${100 * t}%</text>`).join("") + "</svg>";
    return box;
  }

  function table(rates) {
    const head = ["model", "false alarms", "95% interval", "fitted", "singular", "failed"];
    const cells = (r) => [r.formula, percent(r.rate), `${percent(r.lower)} to ${percent(r.upper)}`, r.n, r.singular, r.failed];
    return make("div", { class: "mm-python-wide", tabindex: "0", role: "region", "aria-label": "Rates of both models" },
      make("table", {},
        make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
        make("tbody", {}, ...rates.map((r) => make("tr", { "data-model": r.model },
          ...cells(r).map((text, i) => make(i ? "td" : "th", i ? {} : { scope: "row" }, String(text))))))));
  }

  function build(place, engine, state) {
    const inputs = {};
    const form = make("form", { class: "mm-form" });
    for (const [name, label, value, min, max, step] of FIELDS) {
      const id = `laboratory-${name}`;
      inputs[name] = make("input", { type: "number", id, name, min: String(min), max: String(max), step: String(step), value: String(value), required: "" });
      form.append(make("div", {}, make("label", { for: id }, label), inputs[name]));
    }
    const go = make("button", { type: "submit" }, "Simulate");
    const stop = make("button", { type: "button", disabled: true }, "Stop");
    const bar = make("progress", { max: "1", value: "0", "aria-label": "data sets done" });
    const result = make("div", { class: "mm-python-result" });
    form.append(make("div", { class: "mm-python-row" }, go, stop, bar));
    stop.addEventListener("click", () => engine.tell({ ask: "stop" }));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const values = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.valueAsNumber]));
      go.disabled = true;
      stop.disabled = false;
      delete place.dataset.result;
      state.textContent = "Simulating …";
      try {
        const found = await engine.ask({ ask: "simulate", values }, ({ done, of }) => { bar.value = done / of; });
        const done = found.rates[0].n + found.rates[0].failed;
        const csv = make("button", { type: "button" }, "Download the rows (CSV)");
        const code = make("button", { type: "button" }, "Download as Python");
        csv.addEventListener("click", () => file("type1.csv", "text/csv", found.csv));
        code.addEventListener("click", () => file("type1.py", "text/x-python", found.code));
        result.replaceChildren(table(found.rates), scale(found.rates, values.alpha), make("p", { class: "mm-python-row" }, csv, code));
        state.textContent = `${done.toLocaleString("en")} data sets, two models each, in ${found.seconds.toFixed(1)} seconds` +
          `${found.stopped ? " (stopped)" : ""}: false alarms ${found.rates.map((r) => `${percent(r.rate)} ${r.model === "maximal" ? "with" : "without"} random slopes`).join(", ")}.`;
        place.dataset.result = JSON.stringify({ values, rates: found.rates, seconds: found.seconds });
      } catch (error) {
        state.textContent = `That did not work: ${error.message}.`;
      }
      go.disabled = false;
      stop.disabled = true;
      if (document.activeElement === document.body) go.focus();
    });
    place.insertBefore(form, state);
    place.append(result);
    place.dataset.ready = "yes";
    inputs.groups.focus();
  }

  for (const place of document.querySelectorAll(".mm-laboratory")) {
    place.querySelector(".mm-without")?.classList.add("mm-on-paper");
    offer(place, "laboratory", "Start the laboratory", (engine, state) => build(place, engine, state));
  }
})();
