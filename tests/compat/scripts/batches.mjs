// Batches: announced, filled, retrieved; with the options of each item.
import { BatchTriggerError, batch, idempotencyKeys, runs, tasks } from "@trigger.dev/sdk";
import { failure, requests, say } from "./client.mjs";

/** A batch once none of its runs is left to be done. */
async function ended(id) {
  let found = await batch.retrieve(id);
  while (!["COMPLETED", "PARTIAL_FAILED", "ABORTED"].includes(found.status)) found = await batch.retrieve(id);
  return found;
}

async function outputs(found) {
  return Promise.all(found.runs.map(async (id) => (await runs.retrieve(id)).output));
}

const before = requests.length;
const one = await tasks.batchTrigger("add", [
  { payload: { a: 1, b: 10 } },
  { payload: { a: 2, b: 10 }, options: { tags: ["second"], metadata: { n: 2 }, idempotencyKey: "item" } },
  { payload: { a: 3, b: 10 }, options: { idempotencyKey: "item" } },
]);
const route = requests.slice(before).map((each) => each.replace(/batch_\w+/, "~"));
const oneEnded = await ended(one.batchId);

const mixed = await batch.trigger([
  { id: "add", payload: { a: 5, b: 5 } },
  { id: "describe", payload: { when: new Date(0), big: 5n } },
  { id: "describe", payload: undefined },
  { id: "describe", payload: "text" },
  { id: "fail", payload: "item" },
]);
const mixedEnded = await ended(mixed.batchId);
const member = await runs.retrieve(mixedEnded.runs[0]);

const partial = await batch.trigger([
  { id: "add", payload: { a: 1, b: 1 } },
  { id: "add", payload: { a: 1, b: 2 }, options: { version: "19700101.1" } },
  { id: "add", payload: { a: 1, b: 3 }, options: { tags: Array.from({ length: 11 }, (_, n) => `t${n}`) } },
]);
const partialEnded = await ended(partial.batchId);

const big = Array.from({ length: 300 }, (_, a) => ({ payload: { a, b: 0 } }));
const many = await tasks.batchTrigger("add", big);
const manyEnded = await ended(many.batchId);
const manyOutputs = await outputs(manyEnded);

const large = "x".repeat(200_000);
const stored = await ended((await tasks.batchTrigger("echo", [{ payload: large }, { payload: 1 }])).batchId);

const key = await idempotencyKeys.create("a batch", { scope: "global" });
const items = [{ payload: { a: 7, b: 7 } }];
const first = await tasks.batchTrigger("add", items, { idempotencyKey: key });
await ended(first.batchId);
const beforeRepeated = requests.length;
const repeated = await tasks.batchTrigger("add", items, { idempotencyKey: key });
const requestsRepeated = requests.length - beforeRepeated; // no items are sent again

async function* stream() {
  yield { payload: { a: 1, b: 0 } };
  yield { payload: { a: 2, b: 0 } };
}
const streamed = await ended((await tasks.batchTrigger("add", stream())).batchId);

const empty = await failure(() => tasks.batchTrigger("add", []));
const wrapped = await tasks.batchTrigger("add", []).catch((error) => ({
  isBatchError: error instanceof BatchTriggerError,
  phase: error.phase,
  status: error.cause?.status,
}));

say({
  route,
  handle: { keys: Object.keys(one).sort(), runCount: one.runCount },
  one: { ...oneEnded, outputs: await outputs(oneEnded) },
  second: await runs.retrieve(oneEnded.runs[1]),
  mixed: { status: mixedEnded.status, outputs: await outputs(mixedEnded), member: [member.batchId === mixed.batchId, member.triggerFunction] },
  partial: { status: partialEnded.status, runs: partialEnded.runs.length, errors: partialEnded.processing.errors },
  many: { status: manyEnded.status, inOrder: manyOutputs.every((output, at) => output === at), count: manyOutputs.length },
  stored: await Promise.all(stored.runs.map(async (id) => (await runs.retrieve(id)).output === large)),
  keyed: { same: first.batchId === repeated.batchId, key: (await batch.retrieve(first.batchId)).idempotencyKey, requests: requestsRepeated },
  streamed: await outputs(streamed),
  empty,
  wrapped,
  unknown: await failure(() => batch.retrieve("batch_unknown0000000000000")),
});
