// What the islands of one run page tell each other. The trace knows spans by name; the log asks it.
//
// Events on document: `ht:named` (names are known, or have changed), `ht:select` (a row of the trace was chosen:
// detail {row, name, from, holds}), `ht:line` (a line of the log was chosen: detail {run, fence, span}).

/** @typedef {{key: string, name: string, kind: string}} Named */

export const spans = {
  /** The row that a line belongs to. */
  find: () => undefined,
};

/** @param {string} name @param {any} [detail] */
export function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}
