// What the laboratory and the exercises share: the button that starts Python, what it says before, and the worker.
"use strict";
(() => {
  const home = new URL(".", document.currentScript.src).href;
  const offers = JSON.parse(document.currentScript.dataset.offer);
  let engine = null; // one worker a page

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
      if (name in element && typeof value !== "string") element[name] = value;
      else element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  const megabytes = (bytes) => `${Math.round(bytes / 1e5) / 10} MB`;

  // A worker's answers, one question at a time; what it says on the way goes to `heard`.
  class Engine {
    constructor() {
      this.worker = new Worker(`${home}worker.js`);
      this.last = Promise.resolve();
    }

    ask(message, heard = () => {}) {
      const now = this.last.then(() => new Promise((done, failed) => {
        this.worker.onmessage = ({ data }) => {
          if (data.kind === "failed") failed(new Error(data.text));
          else if (["ready", "rates", "answer"].includes(data.kind)) done(data);
          else heard(data);
        };
        this.worker.onerror = (event) => failed(new Error(event.message || "the worker could not be started"));
        this.worker.postMessage(message);
      }));
      this.last = now.catch(() => {});
      return now;
    }

    tell(message) {
      this.worker.postMessage(message);
    }
  }

  async function settings() {
    const found = await (await fetch(`${home}settings.json`, { cache: "no-cache" })).json();
    for (const part of ["core", "packages", "site"]) if (found[part] !== undefined) found[part] = new URL(found[part], home).href;
    return found;
  }

  // Say what a click will load, and from whom; load it at the click; then show what `ready` makes.
  function offer(place, need, button, ready) {
    const state = make("p", { class: "mm-python-state", role: "status" });
    const { host, third, bytes } = offers[need];
    const promise = third
      ? `A click loads Python and what it needs (${megabytes(bytes)}) from ${host}, which is not this site and sees your address. Nothing is asked of it before.`
      : `A click loads Python and what it needs (${megabytes(bytes)}) from this site.`;
    const click = make("button", { type: "button", class: "mm-python-start" }, button);
    const note = make("p", { class: "mm-python-note" }, promise);
    const begin = async () => {
      click.disabled = true;
      state.textContent = "Starting Python …";
      try {
        if (location.protocol === "file:") throw new Error("a page that was opened as a file cannot start it; open the site on the web or with a local server");
        if (!window.WebAssembly || !window.Worker) throw new Error("this browser cannot run it");
        engine ??= { worker: new Engine(), has: {} };
        engine.settings ??= await settings();
        engine.has[need] ??= engine.worker.ask({ ask: "start", need, settings: engine.settings }, (heard) => {
          if (heard.kind === "loading") state.textContent = `Loading … ${megabytes(heard.bytes)} of ${megabytes(bytes)}`;
        });
        await engine.has[need];
        click.remove();
        note.remove();
        state.textContent = "";
        ready(engine.worker, state);
      } catch (error) {
        engine?.worker.worker.terminate();
        engine = null;
        click.disabled = false;
        state.textContent = `Python could not be started: ${error.message}.`;
        place.dataset.ready = "failed";
      }
    };
    click.addEventListener("click", begin);
    place.append(click, note, state);
    return begin;
  }

  window.mmPython = { make, offer };
})();
