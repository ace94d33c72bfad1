// Errors: the class that the application catches, and that what fails for good is asked for once only.
import { auth, batch, idempotencyKeys, runs, tasks } from "@trigger.dev/sdk";
import { failure, requests, say } from "./client.mjs";

const many = Array.from({ length: 11 }, (_, at) => `tag ${at}`);
const wrongKey = { accessToken: "tr_dev_wrong" };
const errors = {
  wrongKey: await auth.withAuth(wrongKey, () => failure(() => tasks.trigger("add", 1))),
  noRun: await failure(() => runs.retrieve("run_p4phhdkv5v1gt6v1f1a2x")),
  noRunToCancel: await failure(() => runs.cancel("run_p4phhdkv5v1gt6v1f1a2x")),
  noRunToReplay: await failure(() => runs.replay("run_p4phhdkv5v1gt6v1f1a2x")),
  noBatch: await failure(() => batch.retrieve("batch_c2cgf7t8f4e8x47x7cv9y")),
  tags: await failure(() => tasks.trigger("add", 1, { tags: many })),
  longTag: await failure(() => tasks.trigger("add", 1, { tags: "x".repeat(129) })),
  version: await failure(() => tasks.trigger("add", 1, { version: "19700101.1" })),
  delay: await failure(() => tasks.trigger("add", 1, { delay: "soon" })),
  ttl: await failure(() => tasks.trigger("add", 1, { ttl: "soon" })),
  machine: await failure(() => tasks.trigger("add", 1, { machine: "huge" })),
  attempts: await failure(() => tasks.trigger("add", 1, { maxAttempts: 0 })),
  debounce: await failure(() => tasks.trigger("add", 1, { debounce: { key: "k", delay: "soon" } })),
  metadata: await failure(() => tasks.trigger("add", 1, { metadata: { x: "x".repeat(262_144) } })),
  key: await failure(() => tasks.trigger("add", 1, { idempotencyKey: "x", idempotencyKeyTTL: "1 day" })),
  noKey: await failure(() => idempotencyKeys.reset("add", "never", { scope: "global" })),
  noPermission: await auth.withAuth({ accessToken: await auth.createPublicToken({ scopes: { read: { tags: "x" } } }) }, () =>
    failure(() => runs.list()),
  ),
};

// What may pass is asked for again, with the same name, so that one run is made.
const send = globalThis.fetch;
const names = [];
globalThis.fetch = async (input, init) => {
  names.push(new Headers(init.headers).get("x-trigger-request-idempotency-key"));
  const answer = await send(input, init);
  return names.length === 1 ? new Response("{}", { status: 502 }) : answer;
};
const before = requests.length;
const mark = `lost-${process.pid}-${Date.now()}`;
const handle = await tasks.trigger("add", { a: 1, b: 2 }, { tags: mark });
const sent = requests.length - before;
const made = await runs.list({ tag: mark });

say({
  errors,
  lost: { sent, sameName: names[0] === names[1] && names[0].length > 30, runs: made.data.length, isCached: handle.isCached, same: made.data[0].id === handle.id },
});
