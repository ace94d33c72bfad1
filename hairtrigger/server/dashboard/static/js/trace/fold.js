// Which rows of a trace are shown: what is folded, what is grouped, what a search leaves.

/**
 * @typedef {import("./model.js").Row} Row
 * @typedef {{key: string, row: Row, depth: number, open: boolean|null, group: Row[]|null, place: number, of: number}} Shown
 *   `open` is null for what has nothing below it; `group` are the members of a row that stands for many.
 */

const ALIKE = 8, SMALL = 7, PATHS = 3;

/** @param {ReturnType<typeof import("./model.js").createModel>} model */
export function createFolds(model) {
  /** What somebody folded or unfolded, by key. */
  const chosen = new Map();
  let story = new Set();
  let level = -1;
  let wanted = null;

  const opens = (row) => {
    const said = chosen.get(row.key);
    if (said !== undefined) return said;
    if (level >= 0) return row.depth < level;
    if (story.has(row.key)) return true;
    if (row.kind === "run") return row === model.root;
    return row.kind === "attempt" || row.kind === "batch" || row.size <= SMALL;
  };

  function add(children, depth, list) {
    for (let i = 0; i < children.length;) {
      const many = alike(children, i);
      if (many.length < ALIKE) { addRow(children[i++], depth, list, children.length, i); continue; }
      const key = `${many[0].key}×`, open = chosen.get(key) ?? (level >= 0 && depth < level);
      list.push({ key, row: many[0], depth, open, group: many, place: i + 1, of: children.length });
      if (open) many.forEach((row, n) => addRow(row, depth + 1, list, many.length, n + 1));
      i += many.length;
    }
  }

  function addRow(row, depth, list, of, place) {
    const open = row.children.length ? opens(row) : null;
    list.push({ key: row.key, row, depth, open, group: null, place, of });
    if (open) add(row.children, depth + 1, list);
  }

  /** Only what is wanted, with what is above it. */
  function filtered(row, holds) {
    const kept = new Set([row]);
    for (const one of model.order) if (holds(one)) for (let up = (one); up && !kept.has(up); up = up.parent) kept.add(up);
    return model.order.filter((one) => kept.has(one)).map((one) => (
      { key: one.key, row: one, depth: one.depth, open: one.children.some((child) => kept.has(child)) || null, group: null, place: 1, of: 1 }));
  }

  return {
    list() {
      const list = [];
      if (!model.root) return list;
      if (wanted) return filtered(model.root, wanted);
      addRow(model.root, 0, list, 1, 1);
      return list;
    },
    /** Show only these, and what is above them. */
    filter(holds) { wanted = holds; },
    set(shown, open) { chosen.set(shown.key, open); },
    /** Everything down to a depth; 0 folds all. */
    level(depth) { chosen.clear(); level = depth; },
    /** Unfold what is above a row. */
    reveal(row) {
      for (let up = row.parent, at = row; up; at = up, up = up.parent) {
        chosen.set(up.key, true);
        const many = alike(up.children, first(up.children, at));
        if (many.length >= ALIKE && many.includes(at)) chosen.set(`${many[0].key}×`, true);
      }
    },
    /** Let the first screen tell the story: the ways to the first errors are open. */
    tell() {
      story = new Set();
      const ends = model.order.filter((row) => row.error && !row.bad).slice(0, PATHS);
      for (const end of ends) for (let up = end.parent; up; up = up.parent) story.add(up.key);
    },
  };
}

/** Where the row's alike begin. @param {Row[]} rows @param {Row} row */
function first(rows, row) {
  let place = rows.indexOf(row);
  while (place > 0 && isLike(rows[place - 1], row)) place--;
  return place;
}

/** @param {Row[]} rows @param {number} place */
function alike(rows, place) {
  const row = rows[place];
  let end = place + 1;
  if (row.error || row.bad) return [row];
  while (end < rows.length && isLike(rows[end], row)) end++;
  return rows.slice(place, end);
}

/** @param {Row} one @param {Row} other */
function isLike(one, other) {
  return one.kind === other.kind && one.name === other.name && !one.error && !one.bad;
}
