// Time to pixels: a window on the trace's time, in which long stretches without work are folded.

const FOLD_FROM = 0.2, FOLD_TO = 0.03, STEPS = [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** @typedef {{from: number, to: number}} Gap */

export function createScale() {
  let total = 1, from = 0, to = 1, width = 1;
  let gaps = [];
  const squash = (t) => {
    let u = t;
    for (const gap of gaps) if (t > gap.from) u -= gap.less * Math.min(1, (t - gap.from) / (gap.to - gap.from));
    return u;
  };
  const spread = (u) => {
    let t = u;
    for (const gap of gaps) {
      if (t <= gap.from) break;
      const left = gap.to - gap.from - gap.less;
      t = t < gap.from + left ? gap.from + (t - gap.from) * (gap.to - gap.from) / left : t + gap.less;
    }
    return t;
  };
  const move = (a, b) => {
    const end = squash(total), span = Math.min(end, Math.max(b - a, end / 1e6, 0.01));
    from = Math.min(Math.max(0, a), end - span);
    to = from + span;
  };
  return {
    get total() { return total; },
    get gaps() { return gaps; },
    get isWhole() { return from <= 0 && to >= squash(total) * (1 - 1e-9); },
    /** The window's ends, as shares of the whole. */
    get window() { const end = squash(total); return [from / end, to / end]; },
    resize(pixels) { width = Math.max(1, pixels); },
    get width() { return width; },
    /** How long it all is, and what of it to fold. */
    setTotal(ms, folded) {
      const whole = this.isWhole, kept = [spread(from), spread(to)];
      total = Math.max(ms, 0.01);
      const work = total - folded.reduce((sum, gap) => sum + gap.to - gap.from, 0);
      gaps = folded.map((gap) => ({ ...gap, less: Math.max(0, gap.to - gap.from - Math.max(work, total / 20) * FOLD_TO) }));
      if (whole) move(0, squash(total));
      else move(squash(kept[0]), squash(kept[1]));
    },
    px: (t) => (squash(t) - from) / (to - from) * width,
    at: (px) => spread(from + px / width * (to - from)),
    /** Where in the whole, 0 to 1. */
    share: (t) => squash(t) / squash(total),
    fit() { move(0, squash(total)); },
    show(a, b) { const end = squash(total); move(Math.min(a, b) * end, Math.max(a, b) * end); },
    zoom(factor, px) {
      const still = from + px / width * (to - from), span = (to - from) / factor;
      move(still - span * px / width, still + span * (1 - px / width));
    },
    pan(px) { const by = px / width * (to - from); move(from + by, to + by); },
    /** Instants worth a mark, about 110 px from each other. */
    ticks() {
      const rough = (to - from) * 110 / width, power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? power * 10;
      const found = [], end = spread(to);
      let start = spread(from), last = -1e9;
      for (const gap of [...gaps, { from: end, to: end }]) { // none within what is folded
        for (let n = Math.ceil(start / step - 1e-9); n * step <= Math.min(gap.from, end) && found.length < 40; n++) {
          const at = this.px(n * step);
          if (at - last < 60 || (gap.from < gap.to && this.px(gap.from) - at < 44)) continue;
          found.push(n * step);
          last = at;
        }
        start = Math.max(start, gap.to);
        if (gap.to < end && this.px(gap.to) > 0) last = Math.max(last, this.px(gap.to) - 44);
      }
      return found;
    },
  };
}

/** A length with room for growth, so that bars need not be drawn anew for each moment. @param {number} ms */
export function roomFor(ms) {
  const wanted = Math.max(ms * 1.05, 1), power = 10 ** Math.floor(Math.log10(wanted));
  return power * (STEPS.find((one) => one * power >= wanted) ?? 10);
}

/**
 * Long stretches in which nobody works and somebody waits.
 * @param {import("./model.js").Row[]} order @param {number} total @param {(row: import("./model.js").Row) => number} endOf
 * @returns {Gap[]}
 */
export function idle(order, total, endOf) {
  const turns = [];
  for (const row of order) {
    const waits = row.kind === "wait", works = row.kind === "attempt" || (!row.children.length && row.kind !== "run" && row.kind !== "batch");
    if (!waits && !works) continue;
    if (waits && row.end == null) continue; // it grows: nothing folds before one's eyes
    turns.push({ at: row.start, waits: +waits, works: +!waits }, { at: endOf(row), waits: -waits, works: -!waits });
  }
  turns.sort((a, b) => a.at - b.at);
  const found = [];
  let waits = 0, works = 0, since = -1;
  for (const turn of turns) {
    waits += turn.waits;
    works += turn.works;
    const isIdle = waits > 0 && works === 0;
    if (isIdle && since < 0) since = turn.at;
    if (isIdle || since < 0) continue;
    if (turn.at - since > total * FOLD_FROM) found.push({ from: since, to: turn.at });
    since = -1;
  }
  return found;
}
