// What stands above the rows: shares of time by kind, the map, how much there is, and the ruler.
import { el, setText } from "../elements.js";
import { count, duration } from "../words.js";
import { createMinimap } from "./minimap.js";
import { shares } from "./model.js";
import { move } from "./rows.js";

/**
 * @param {ReturnType<typeof import("./model.js").createModel>} model
 * @param {ReturnType<typeof import("./scale.js").createScale>} scale
 * @param {{zoomed: () => void, unfold: (from: number) => void}} does
 */
export function createHead(model, scale, does) {
  const stripe = el("div", { class: "stripe", "aria-hidden": "true" }), legend = el("ul", { class: "legend", "aria-label": "Share of time by kind" });
  const share = el("div", { class: "trace-share" }, stripe, legend), holder = el("div", { class: "minimap" });
  const words = el("div", { class: "trace-summary num" }), marks = el("div", { class: "trace-ruler num" });
  const element = el("div", { class: "trace-head" }, share, holder, words, marks);
  const minimap = createMinimap(holder, model, scale, () => { does.zoomed(); minimap.frame(); });
  const sizes = new ResizeObserver(() => minimap.draw());
  let matches = -1;
  sizes.observe(holder);

  function fill() {
    const found = shares(model.order, model.endOf);
    stripe.replaceChildren(...found.map(({ kind, share: part }) => {
      const piece = el("span", { class: `k-${kind}` });
      piece.style.setProperty("flex-grow", String(part));
      return piece;
    }));
    legend.replaceChildren(...found.map(({ kind, share: part }) => el("li", { class: `k-${kind}` }, `${kind} ${Math.round(part * 100)}%`)));
    minimap.draw();
    summary();
  }

  function summary(found = matches) {
    matches = found;
    const all = model.order.length, length = duration(model.now());
    setText(words, found < 0 ? `${count(all)} spans · ${length}` : `${count(found)} of ${count(all)} spans`);
  }

  function ruler() {
    const ticks = scale.ticks().map((at) => {
      const tick = el("span", { class: "tick" }, at === 0 ? "0" : duration(at));
      move(tick, scale.px(at));
      return tick;
    });
    const folded = scale.gaps.filter((gap) => scale.px(gap.to) > 0 && scale.px(gap.from) < scale.width).map((gap) => {
      const text = `Unfold ${duration(gap.to - gap.from)} of waiting`;
      const button = el("button", { type: "button", class: "gap", title: text, "aria-label": text, onclick: () => does.unfold(gap.from) }, "⌇");
      move(button, (scale.px(gap.from) + scale.px(gap.to)) / 2 - 12);
      return button;
    });
    marks.replaceChildren(...ticks, ...folded);
  }
  return { element, fill, summary, ruler, map: minimap.draw, frame: minimap.frame, treeWidth: () => share.offsetWidth };
}
