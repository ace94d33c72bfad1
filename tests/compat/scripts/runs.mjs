// Runs: retrieved, cancelled, replayed and rescheduled.
import { runs, tasks } from "@trigger.dev/sdk";
import { failure, finished, requests, say } from "./client.mjs";

const done = await tasks.trigger("add", { a: 3, b: 4 }, { tags: ["t"] });
const completed = await finished(done);
const failed = await finished(await tasks.trigger("fail", "this"));

const long = await tasks.trigger("wait-long");
let executing = await runs.retrieve(long.id);
while (executing.status !== "EXECUTING") executing = await runs.retrieve(long.id);
const canceled = await runs.cancel(long.id);
const afterCancel = await finished(long);
const delayed = await tasks.trigger("echo", 1, { delay: "1h" });
await runs.cancel(delayed.id);
const neverStarted = await runs.retrieve(delayed.id);
await runs.cancel(done.id);
const stillCompleted = await runs.retrieve(done.id);

const plain = await finished(await runs.replay(done.id));
const options = { payload: { a: 10, b: 20n ** 3n }, tags: ["x"], metadata: { again: true }, priority: 1 };
const changed = await finished(await runs.replay(done.id, options));
const dates = { payload: { when: new Date(7) }, queue: "letters/slow" };
const described = await tasks.trigger("describe", { when: new Date(6) });
await finished(described);
const replayed = {
  plain: { id: plain.id, output: plain.output, tags: plain.tags, payload: plain.payload },
  changed: { output: changed.output, tags: changed.tags, metadata: changed.metadata },
  kept: (await finished(await runs.replay(described.id))).output,
  dated: (await finished(await runs.replay(described.id, dates))).output,
};

const moving = await tasks.trigger("echo", "moved", { delay: "1h" });
const moved = await runs.reschedule(moving.id, { delay: "2h" });
const date = new Date(Date.now() + 7_200_000);
const toDate = await runs.reschedule(moving.id, { delay: date });
await runs.reschedule(moving.id, { delay: "1s" });
const ran = await finished(moving);

say({
  handle: Object.keys(done).sort(),
  token: done.publicAccessToken?.split(".").length,
  requests: requests.slice(0, 1),
  completed,
  failed,
  executing,
  canceled: [canceled, afterCancel.status, afterCancel.isCancelled],
  neverStarted: [neverStarted.status, "startedAt" in neverStarted],
  stillCompleted: stillCompleted.status,
  done: done.id,
  replayed,
  moved: [moved.status, moved.delayedUntil - moved.createdAt, toDate.delayedUntil - date, ran.output],
  late: await failure(() => runs.reschedule(done.id, { delay: "1h" })),
});
