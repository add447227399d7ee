// Python beside the page: Pyodide in a worker, so that the page never stands still while it computes.
//
// Nothing is loaded that was not expected: every file has its hash in the settings or in Pyodide's list of packages (whose
// own hash is in the settings), and the browser refuses a file whose bytes have another. A file that nobody expected is
// not asked for.
"use strict";

let settings = null; // from settings.json: where from, the files with their hashes, our own archives
let python = null;
let bytes = 0;
let stopped = false;

const say = (message) => self.postMessage(message);
const plainFetch = self.fetch.bind(self);

// Ask for a file by its name alone; where it is and what its bytes must be is in the settings.
async function verified(name) {
  const file = settings.files[name];
  if (!file) throw new Error(`${name} is not among the files that were expected`);
  let response;
  try {
    response = await plainFetch(new URL(name, settings[file.part]), { integrity: file.integrity, credentials: "omit" });
  } catch {
    throw new Error(`${name} could not be loaded from ${new URL(settings[file.part]).host}, or is not the file that was expected`);
  }
  if (!response.ok) throw new Error(`${name} could not be loaded: ${response.status}`);
  const content = await response.arrayBuffer();
  bytes += content.byteLength;
  say({ kind: "loading", name, bytes });
  const type = name.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
  return new Response(content, { headers: { "Content-Type": type } });
}

// Pyodide asks for its files itself: it gets them from here.
self.fetch = (target) => verified(new URL(target.url ?? target, self.location.href).pathname.split("/").pop());

async function script(name) {
  const text = await (await verified(name)).text();
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  self.importScripts(address);
  URL.revokeObjectURL(address);
}

// Give Python and the packages of one of our archives ("laboratory" or "exercises").
async function start(need) {
  if (!python) {
    await script("pyodide.js");
    await script("pyodide.asm.js"); // it would be loaded without a check otherwise
    python = await self.loadPyodide({ indexURL: settings.core });
  }
  const { archive, packages } = settings.archives[need];
  await python.loadPackage(packages, { messageCallback: () => {}, checkIntegrity: true });
  const content = await (await verified(archive)).arrayBuffer();
  python.unpackArchive(content, "zip", { extractDir: "/home/pyodide" });
  python.runPython("import importlib; importlib.invalidate_caches()");
}

async function simulate(values) {
  stopped = false;
  python.globals.set("form", python.toPy(values));
  const run = python.runPython(`
from mmhelpers.browser.laboratory import Laboratory, Setting
run = Laboratory(Setting.from_form(form))
steps = run.blocks()
run`);
  const step = python.runPython("lambda: next(steps, 0)");
  const begin = performance.now();
  for (let done = step(); done; done = step()) {
    say({ kind: "progress", done, of: values.data_sets });
    await new Promise((soon) => setTimeout(soon)); // so that a "stop" is heard
    if (stopped) break;
  }
  const seconds = (performance.now() - begin) / 1000;
  const rates = JSON.parse(python.runPython("import json; json.dumps(run.rates())"));
  const result = { kind: "rates", rates, seconds, stopped, csv: run.table(), code: python.runPython("run.setting.code()") };
  run.destroy();
  step.destroy();
  say(result);
}

const pages = new Map();

function answer({ cells, code }) {
  const key = cells.join("\n\n");
  if (!pages.has(key)) {
    python.globals.set("cells", python.toPy(cells));
    pages.set(key, python.runPython("from mmhelpers.browser.page import Page\nPage(cells)"));
  }
  const found = pages.get(key).run(code);
  say({ kind: "answer", text: found.text, error: found.error, right: found.right ?? null });
  found.destroy();
}

self.onmessage = async ({ data }) => {
  if (data.ask === "stop") { stopped = true; return; }
  try {
    if (data.ask === "start") {
      settings = data.settings;
      await start(data.need);
      say({ kind: "ready", bytes });
    } else if (data.ask === "simulate") await simulate(data.values);
    else if (data.ask === "answer") answer(data);
  } catch (error) {
    // of a Python traceback the line that names the error is what a reader can use
    const lines = String(error.message ?? error).trim().split("\n");
    const text = lines.findLast((line) => /^[\w.]*(Error|Exception|Interrupt)\b/.test(line)) ?? lines.at(-1);
    say({ kind: "failed", text });
  }
};
