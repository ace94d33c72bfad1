// Every option of a trigger, as the run shows it and as the Python task sees it.
import { idempotencyKeys, runs, tasks } from "@trigger.dev/sdk";
import { failure, finished, say } from "./client.mjs";

// What takes its time runs beside the rest.
const soon = tasks.trigger("echo", "soon", { delay: "1s" }).then(finished);
const expired = tasks.trigger("no such task", 1, { ttl: 1 }).then(finished);
const debounced = [];
for (const mode of ["leading", "leading", "trailing", "trailing"]) {
  const debounce = { key: `search-${mode}`, delay: "1s", mode };
  debounced.push(await tasks.trigger("echo", debounced.length, { debounce }));
}

const told = await finished(
  await tasks.trigger(
    "tell",
    {},
    {
      tags: ["b", "a"],
      metadata: { from: "node", nested: { list: [1] } },
      queue: "letters/slow",
      concurrencyKey: "customer-1",
      maxAttempts: 4,
      maxDuration: 30,
      priority: 10,
      machine: "small-2x",
      ttl: 60,
      region: "eu-central-1",
    },
  ),
);
const again = await finished(await tasks.trigger("fail-again", undefined, { maxAttempts: 2 }));

const later = await tasks.trigger("echo", 1, { delay: "1h", ttl: "2h", tags: "later" });
const date = new Date(Date.now() + 3_600_000);
const dated = await tasks.trigger("echo", 1, { delay: date });
const past = await finished(await tasks.trigger("echo", "now", { delay: new Date(0) }));
const delayed = await runs.retrieve(later.id);

// A string is hashed by the client; a created key is sent as it is.
const keyed = [];
const created = await idempotencyKeys.create(["order", "7"]);
for (const key of ["order-7", "order-7", created, created, ["order", "7"]]) {
  keyed.push(await tasks.trigger("echo", keyed.length, { idempotencyKey: key, idempotencyKeyTTL: "60s" }));
}
const otherTask = await tasks.trigger("describe", 1, { idempotencyKey: "order-7" });
const shown = await finished(keyed[0]);
const global = await idempotencyKeys.create("once", { scope: "global" });
const first = await tasks.trigger("echo", 1, { idempotencyKey: global });
const cached = await tasks.trigger("echo", 1, { idempotencyKey: global });
await finished(first);
const reset = await idempotencyKeys.reset("echo", "once", { scope: "global" });
const fresh = await tasks.trigger("echo", 1, { idempotencyKey: global });
const unknown = await failure(() => idempotencyKeys.reset("echo", "never", { scope: "global" }));
const failed = await tasks.trigger("fail", 1, { idempotencyKey: "freed-by-failure" });
await finished(failed);
const afterFailure = await tasks.trigger("fail", 1, { idempotencyKey: "freed-by-failure" });

const settled = await Promise.all([debounced[0], debounced[2]].map(finished));
const [late, dead] = await Promise.all([soon, expired]);

say({
  told,
  again: { status: again.status, attempts: again.attemptCount, error: again.error.message },
  later: delayed,
  dated: (await runs.retrieve(dated.id)).delayedUntil.getTime() - date.getTime(),
  past: past.output,
  soon: { output: late.output, waitedMs: late.startedAt - late.createdAt },
  keys: {
    ids: keyed.map((each) => each.id),
    cached: keyed.map((each) => each.isCached),
    otherTask: otherTask.id,
    shown: shown.idempotencyKey,
    reset: [first.id, cached.id, fresh.id],
    resetId: reset.id === global,
    unknown,
    failed: [failed.id, afterFailure.id],
  },
  debounced: { ids: debounced.map((each) => each.id), outputs: settled.map((each) => each.output) },
  expired: { status: dead.status, isDated: dead.expiredAt instanceof Date, isCompleted: dead.isCompleted },
});
