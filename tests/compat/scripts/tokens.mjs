// Public tokens: what their scopes allow, and what they refuse.
import { auth, batch, idempotencyKeys, runs, schedules, tasks } from "@trigger.dev/sdk";
import { failure, finished, say } from "./client.mjs";

const mine = await tasks.trigger("echo", "mine", { tags: ["token"] });
const other = await tasks.trigger("describe", "other");
await Promise.all([mine, other].map(finished));

/** How a call ends that is made with a token: its status, or "ok". */
async function as(accessToken, call) {
  const ended = await auth.withAuth({ accessToken }, () => failure(call));
  return "succeeded" in ended ? "ok" : ended.status;
}

async function token(scopes) {
  return auth.createPublicToken({ scopes, expirationTime: "1h" });
}

const reads = await token({ read: { runs: [mine.id] } });
const tagged = await token({ read: { tags: ["token"] } });
const ofTask = await token({ read: { tasks: "echo" } });
const writes = await token({ write: { runs: true } });
const nothing = await token({});
const triggers = await auth.createTriggerPublicToken("echo");
const often = await auth.createTriggerPublicToken(["echo", "add"], { multipleUse: true });
const batches = await auth.createBatchTriggerPublicToken("add");
const parts = reads.split(".");
const forged = [parts[0], parts[1], parts[2].split("").reverse().join("")].join(".");
const long = await tasks.trigger("echo", 1, { delay: "1h" });
await tasks.trigger("echo", 1, { idempotencyKey: await idempotencyKeys.create("tok", { scope: "global" }) });
const withToken = {};
await auth.withPublicToken({ scopes: { read: { runs: [mine.id] } } }, async () => {
  withToken.output = (await runs.retrieve(mine.id)).output;
});
let inBatch;
const batched = await as(batches, async () => (inBatch = await batch.trigger([{ id: "add", payload: { a: 1, b: 2 } }])));

say({
  claims: JSON.parse(Buffer.from(parts[1], "base64url")),
  withToken,
  reads: {
    own: await as(reads, () => runs.retrieve(mine.id)),
    other: await as(reads, () => runs.retrieve(other.id)),
    cancel: await as(reads, () => runs.cancel(mine.id)),
    list: await as(reads, () => runs.list()),
    trigger: await as(reads, () => tasks.trigger("echo", 1)),
    schedules: await as(reads, () => schedules.list()),
    replay: await as(reads, () => runs.replay(mine.id)),
  },
  handle: {
    own: await as(mine.publicAccessToken, () => runs.retrieve(mine.id)),
    other: await as(mine.publicAccessToken, () => runs.retrieve(other.id)),
  },
  tagged: [await as(tagged, () => runs.retrieve(mine.id)), await as(tagged, () => runs.retrieve(other.id))],
  ofTask: {
    own: await as(ofTask, () => runs.retrieve(mine.id)),
    other: await as(ofTask, () => runs.retrieve(other.id)),
    list: await as(ofTask, () => runs.list({ taskIdentifier: "echo" })),
    otherList: await as(ofTask, () => runs.list({ taskIdentifier: ["echo", "describe"] })),
    everything: await as(ofTask, () => runs.list()),
  },
  writes: {
    cancel: await as(writes, () => runs.cancel(long.id)),
    read: await as(writes, () => runs.retrieve(long.id)),
    reset: await as(writes, () => idempotencyKeys.reset("echo", "tok", { scope: "global" })),
  },
  nothing: await as(nothing, () => runs.retrieve(mine.id)),
  triggers: {
    once: await as(triggers, () => tasks.trigger("echo", 1)),
    twice: await as(triggers, () => tasks.trigger("echo", 1)),
    other: await as(await auth.createTriggerPublicToken("echo"), () => tasks.trigger("add", { a: 1, b: 1 })),
    often: [await as(often, () => tasks.trigger("echo", 1)), await as(often, () => tasks.trigger("echo", 2))],
    large: await as(often, () => tasks.trigger("echo", "x".repeat(200_000))),
  },
  batches: {
    batched,
    again: await as(batches, () => batch.trigger([{ id: "add", payload: { a: 1, b: 2 } }])),
    other: await as(await auth.createBatchTriggerPublicToken("add"), () => batch.trigger([{ id: "echo", payload: 1 }])),
    retrieved: await as(inBatch?.publicAccessToken, () => batch.retrieve(inBatch.batchId)),
  },
  forged: await as(forged, () => runs.retrieve(mine.id)),
  expired: await as(
    await auth.createPublicToken({ scopes: { read: { runs: true } }, expirationTime: new Date(Date.now() - 60_000) }),
    () => runs.retrieve(mine.id),
  ),
});
