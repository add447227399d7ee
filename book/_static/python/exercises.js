// An editor under each exercise: the exercise's cell, run with the names that the page's cells make.
"use strict";
(() => {
  const { make, offer } = window.mmPython;
  const home = new URL(".", document.currentScript.src).href;
  const source = document.currentScript.dataset.page;
  let cells = null;

  async function page() {
    const response = await fetch(home + source);
    if (!response.ok) throw new Error("the page's cells could not be loaded");
    return response.json();
  }

  function build(place, engine, state, { cell, before }, all) {
    const id = `${place.dataset.exercise}-cell`;
    const lines = cell.split("\n").length;
    const editor = make("textarea", { id, rows: String(Math.max(4, lines + 2)), spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
    editor.value = cell;
    const check = make("button", { type: "button" }, "Run and check");
    const again = make("button", { type: "button" }, "Start over");
    const out = make("pre", { class: "mm-python-out", tabindex: "0", role: "status", "aria-label": "What your cell says" });
    const run = async () => {
      check.disabled = true;
      delete place.dataset.right;
      state.textContent = "Running …";
      try {
        const found = await engine.ask({ ask: "answer", cells: all.slice(0, before), code: editor.value });
        out.textContent = [found.text, found.error].filter(Boolean).join("\n");
        place.dataset.right = found.error ? "error" : String(found.right);
        state.textContent = "";
      } catch (error) {
        state.textContent = `That did not work: ${error.message}.`;
      }
      check.disabled = false;
      if (document.activeElement === document.body) check.focus();
    };
    check.addEventListener("click", run);
    again.addEventListener("click", () => { editor.value = cell; out.textContent = ""; delete place.dataset.right; editor.focus(); });
    editor.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); }
    });
    place.insertBefore(make("div", {},
      make("label", { for: id }, "Put your answer, or code that computes it, in place of the dots (Ctrl+Enter runs it). The names that the page's cells made are there."),
      editor, make("div", { class: "mm-python-row" }, check, again), out), state);
    place.dataset.ready = "yes";
    editor.focus();
  }

  // The cell of an exercise has dots where the answer goes; in its solution there is an answer.
  for (const cell of document.querySelectorAll("div.cell")) {
    const found = cell.querySelector(".cell_input")?.textContent.match(/^\s*mm\.check_answer\("([\w-]+)", \.\.\.\)/m);
    if (!found) continue;
    const place = make("div", { class: "mm-python mm-exercise", "data-exercise": found[1] });
    cell.after(place);
    offer(place, "exercises", "Try it in this page", async (engine, state) => {
      cells ??= await page();
      build(place, engine, state, cells.exercises[found[1]], cells.cells);
    });
  }
})();
