// A trace as a tree: rows come in columns, again and again, and find their places by their keys.

/**
 * @typedef {{key: string, run: string, task: string, fence: number, seq: number, id: string, kind: string, name: string,
 *   detail: string, start: number, end: number|null, error: boolean, up: string, under: string, parent: Row|null,
 *   children: Row[], depth: number, size: number, bad: boolean, marks: {at: number, error: boolean}[]}} Row
 */

const ID = 5;

/** An empty trace. Times in ms from its start. */
export function createModel() {
  const rows = new Map();
  /** Rows as lines and children name them: run, hand-out and id. */
  const named = new Map();
  const marks = new Map();
  let present = 0;
  const model = {
    root: null,
    /** In the order of the tree. */ order: [],
    start: 0, live: false, truncated: false, errors: 0, told: 0, toldAt: 0,
    /** The present, while the trace is live; else its end. It stands still until `look`, so that all that is drawn agrees. */
    now: () => present,
    look() { present = model.live ? model.told + performance.now() - model.toldAt : model.told; },
    endOf: (row) => row.end ?? Math.max(row.start, model.now()),
    find: (run, fence, span) => (span && named.get(`${run}/${fence}#${span}`)) || named.get(`${run}/a${fence}`) || named.get(`${run}/run`),
    get: (key) => rows.get(key),
    merge,
  };

  /** Take an answer of the server, all of the trace or what is new in it. Answers whether anything was. */
  function merge(data) {
    model.look();
    const shown = model.live ? present : 0; // what was drawn is not taken back: an answer may be late
    Object.assign(model, { start: data.start, live: data.live, truncated: data.truncated || model.truncated,
      told: Math.max(shown, data.now - data.start), toldAt: performance.now() });
    const cols = data.spans, keys = [], before = rows.size + marks.size;
    let changed = false;
    for (let i = 0; i < cols.kind.length; i++) {
      const { id: run, task } = data.runs[cols.run[i]], kind = cols.kind[i], fence = cols.fence[i], seq = cols.seq[i];
      const id = cols.ids.slice(ID * i, ID * (i + 1)).trimEnd(), place = placeOf(kind, fence, id);
      const key = `${run}/${place || `${fence}.${seq}`}`, up = cols.parent[i] < 0 ? "" : keys[cols.parent[i]];
      keys.push(key);
      const start = cols.start[i], ms = cols.ms[i], row = rows.get(key) ?? { marks: [] }, end = ms == null ? null : start + ms;
      const error = cols.error[i] === 1, detail = cols.detail[i];
      changed ||= row.end !== end || row.error !== error || row.detail !== detail;
      rows.set(key, Object.assign(row, { key, run, task, fence, seq, id, kind, name: cols.name[i], detail, start, end, error, up, under: cols.under[i] ?? "" }));
      named.set(place ? key : `${run}/${fence}#${id}`, row);
      if (!up) model.root ??= row;
    }
    const told = data.marks;
    for (let i = 0; i < told.at.length; i++) {
      const run = data.runs[told.run[i]].id, key = `${run}/${told.fence[i]}.${told.seq[i]}`;
      marks.set(key, { name: `${run}/${told.fence[i]}#${told.span[i]}`, at: told.at[i], error: told.error[i] === 1 });
    }
    changed ||= before !== rows.size + marks.size || !data.live;
    if (changed) build();
    return changed;
  }

  function build() {
    for (const row of rows.values()) { row.children = []; row.marks = []; }
    const open = new Map();
    for (const row of rows.values()) {
      if (row === model.root) continue;
      const above = row.under ? named.get(`${row.run}/${row.fence}#${row.under}`) ?? standIn(open, row) : rows.get(row.up);
      row.parent = above && above !== row ? above : model.root;
      row.parent?.children.push(row);
    }
    for (const { name, at, error } of marks.values()) {
      const row = named.get(name) ?? named.get(name.replace(/\/(\d+)#.*/, "/a$1"));
      row?.marks.push({ at, error });
    }
    model.order = [];
    model.errors = 0;
    if (model.root) settle(model.root, null, 0);
    if (!model.live) model.told = model.order.reduce((most, row) => Math.max(most, row.end ?? row.start), 0);
    model.look();
  }

  /** A span that goes on, known by its children only. */
  function standIn(open, child) {
    const name = `${child.run}/${child.fence}#${child.under}`, found = open.get(name), above = rows.get(child.up);
    if (found) { found.start = Math.min(found.start, child.start); return found; }
    const row = { ...child, key: name, id: child.under, kind: "span", name: "…", detail: "", start: child.start, end: above?.end ?? null,
      error: false, children: [], marks: [], parent: above ?? model.root, seq: -1 };
    row.parent?.children.push(row);
    open.set(name, row);
    return row;
  }

  /** Depths, sizes and the order, from the top. */
  function settle(row, parent, depth) {
    const place = model.order.push(row);
    row.parent = parent;
    row.depth = depth;
    row.bad = false;
    if (row.error) model.errors++;
    row.children.sort((a, b) => a.start - b.start || a.seq - b.seq);
    for (const child of row.children) {
      settle(child, row, depth + 1);
      row.bad ||= child.error || child.bad;
    }
    row.size = model.order.length - place;
  }
  return model;
}

/** What names a row within its run; nothing for spans, of which there are many. */
function placeOf(kind, fence, id) {
  switch (kind) {
    case "run": return "run";
    case "attempt": return `a${fence}`;
    case "wait": return `w${fence}`;
    case "batch": return `b${id}`;
  }
  return "";
}

/** A row and all below it. @param {Row} row @param {Row[]} order */
export function subtree(row, order) {
  const place = order.indexOf(row);
  return order.slice(place, place + row.size + 1);
}

/** What a row is called in a URL and to the server: `run_…`, `run_….2`, `run_….2.a1b2c3d4`. @param {Row} row */
export function nameOf(row) {
  if (row.kind === "run" || row.kind === "wait" || row.kind === "batch") return row.run;
  return row.kind === "attempt" ? `${row.run}.${row.fence}` : `${row.run}.${row.fence}.${row.id}`;
}

/**
 * The rows that the end had to wait for: backwards from it, always what ended last.
 * @param {Row} root @param {(row: Row) => number} endOf
 */
export function criticalPath(root, endOf) {
  const path = new Set([root]), waiting = [{ row: root, until: endOf(root) }];
  for (let one = waiting.pop(); one; one = waiting.pop()) {
    let until = one.until;
    for (const child of [...one.row.children].sort((a, b) => endOf(b) - endOf(a))) {
      if (child.start >= until || (endOf(child) > until && endOf(child) - until > 1)) continue;
      path.add(child);
      waiting.push({ row: child, until: Math.min(until, endOf(child)) });
      until = child.start;
    }
  }
  return path;
}

/** The share of time by kind: of each row what its children leave of it. @param {Row[]} order @param {(row: Row) => number} endOf */
export function shares(order, endOf) {
  const sums = {};
  let total = 0;
  for (const row of order) {
    if (row.kind === "run" || row.kind === "attempt" || row.kind === "batch") continue;
    const below = row.children.reduce((sum, child) => sum + endOf(child) - child.start, 0);
    const own = Math.max(0, endOf(row) - row.start - below);
    sums[row.kind] = (sums[row.kind] ?? 0) + own;
    total += own;
  }
  return Object.entries(sums).map(([kind, sum]) => ({ kind, share: total ? sum / total : 0 })).filter((one) => one.share >= 0.005)
    .sort((a, b) => b.share - a.share);
}
