// Figures to move: sliders of the browser, a picture of Bokeh, and the frames that Python computed.
(() => {
  const home = document.currentScript?.src ? new URL(".", document.currentScript.src).href : null;
  const loaded = {};

  // Load a script once; on the site Bokeh and the figures stand beside this file.
  const load = (name) => (loaded[name] ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = home + name;
    script.onload = done;
    script.onerror = () => failed(new Error(`${name} could not be loaded`));
    document.head.append(script);
  }));

  async function show(place) {
    const name = place.dataset.figure;
    if (!window.Bokeh) await load("bokeh.min.js");
    if (!window.mmInteractive?.[name]) await load(`${name}.js`);
    const { item, controls, frames } = window.mmInteractive[name];
    const picture = document.createElement("div");
    const panel = document.createElement("div");
    const said = document.createElement("p");
    picture.id = `${name}-picture`;
    picture.className = "mm-picture";
    panel.className = "mm-controls";
    said.className = "mm-said";
    said.setAttribute("aria-live", "polite");
    place.replaceChildren(panel, picture, said);

    const views = await Bokeh.embed.embed_item({ ...item, target_id: picture.id }, picture.id);
    const model = [...(views.roots ?? views)][0].model;
    const sliders = controls.map((control, i) => {
      const label = document.createElement("label");
      const value = document.createElement("output");
      const slider = document.createElement("input");
      Object.assign(slider, { type: "range", min: 0, max: control.values.length - 1, step: 1, id: `${name}-${i}` });
      slider.value = control.start;
      label.htmlFor = value.htmlFor = slider.id;
      label.append(`${control.label}: `, value);
      const box = document.createElement("div");
      box.append(label, slider);
      panel.append(box);
      slider.addEventListener("input", update);
      return { control, slider, value };
    });

    function update() {
      const key = sliders.map(({ slider }) => slider.value).join(",");
      const [sources, text] = frames[key];
      for (const { control, slider, value } of sliders) {
        const now = `${control.values[slider.value]} ${control.unit}`.trim();
        value.textContent = now;
        slider.setAttribute("aria-valuetext", now);
      }
      for (const [source, columns] of Object.entries(sources)) model.document.get_model_by_name(source).data = columns;
      said.textContent = text;
      place.dataset.setting = key;
    }
    update();
    place.dataset.ready = "yes";
  }

  // A figure loads when it comes near the window: a page without one, or one that is not read so far, loads nothing.
  function start() {
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        seen.unobserve(entry.target);
        show(entry.target).catch((error) => {
          entry.target.querySelector(".mm-waiting")?.append(` (It could not be loaded: ${error.message}.)`);
        });
      }
    }, { rootMargin: "400px" });
    for (const place of document.querySelectorAll(".mm-interactive")) seen.observe(place);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
