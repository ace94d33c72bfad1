// The whole trace in 40 lanes, and the window on it: drag for a new one, its edges to resize it, double-click for all.
import { el } from "../elements.js";

const LANES = 40, EDGE = 7, DRAG = 4;

/**
 * @param {HTMLElement} holder @param {ReturnType<typeof import("./model.js").createModel>} model
 * @param {ReturnType<typeof import("./scale.js").createScale>} scale @param {() => void} changed
 */
export function createMinimap(holder, model, scale, changed) {
  const canvas = el("canvas", { role: "img", "aria-label": "The whole trace" });
  const shades = [el("span", { class: "shade" }), el("span", { class: "shade is-right" })];
  holder.append(canvas, ...shades);
  let drag = null;

  function draw() {
    const { clientWidth: width, clientHeight: height } = holder, ratio = devicePixelRatio || 1;
    canvas.width = Math.max(1, width * ratio);
    canvas.height = Math.max(1, height * ratio);
    const ink = canvas.getContext("2d"), look = getComputedStyle(holder);
    if (!ink || !width) return;
    ink.scale(ratio, ratio);
    const colours = {};
    const colour = (name) => colours[name] ??= look.getPropertyValue(name);
    const lane = (height - 8) / LANES, rows = model.order, thick = Math.max(1, lane * 0.95);
    for (const pass of [false, true]) {
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i];
        if (row.error !== pass) continue;
        const at = scale.share(row.start) * width, end = scale.share(model.endOf(row)) * width;
        const place = rows.length <= LANES ? i : Math.floor(i * LANES / rows.length);
        ink.fillStyle = pass ? colour("--fail") : colour(`--span-${row.kind}`);
        ink.fillRect(at, 4 + place * lane, Math.max(1, end - at), thick);
      }
    }
    frame();
  }

  function frame() {
    const [a, b] = scale.window, width = holder.clientWidth;
    shades[0].style.setProperty("width", `${a * width}px`);
    shades[1].style.setProperty("width", `${(1 - b) * width}px`);
    for (const shade of shades) shade.hidden = scale.isWhole;
  }

  const share = (event) => {
    const box = holder.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const edge = (at) => scale.isWhole ? -1
    : scale.window.findIndex((one) => Math.abs(one - at) * holder.clientWidth <= EDGE);

  holder.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const at = share(event), near = edge(at);
    drag = { from: at, still: near < 0 ? at : scale.window[1 - near], moved: near >= 0 };
    holder.setPointerCapture(event.pointerId);
  });
  holder.addEventListener("pointermove", (event) => {
    const at = share(event);
    if (!drag) { holder.classList.toggle("at-edge", edge(at) >= 0); return; }
    drag.moved ||= Math.abs(at - drag.from) * holder.clientWidth >= DRAG;
    if (!drag.moved) return;
    scale.show(drag.still, at);
    changed();
  });
  const drop = () => { drag = null; };
  holder.addEventListener("pointerup", drop);
  holder.addEventListener("pointercancel", drop);
  holder.addEventListener("dblclick", () => { scale.fit(); changed(); });
  return { draw, frame };
}
