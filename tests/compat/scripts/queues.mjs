// Queues: listed, read by id, task and name, paused, resumed, limited and let go again.
import { queues, runs, tasks } from "@trigger.dev/sdk";
import { failure, finished, say } from "./client.mjs";

const slow = { type: "custom", name: "letters/slow" };
const own = { type: "task", name: "describe" };

const byName = await queues.retrieve(slow);
const byId = await queues.retrieve(byName.id);
const byTask = await queues.retrieve(own);

const first = await queues.list({ page: 1, perPage: 3 });
const past = await queues.list({ page: 9, perPage: 3 });
const walked = [];
for await (const each of queues.list({ perPage: 4 })) walked.push(each.name);

const paused = await queues.pause(slow);
const run = await tasks.trigger("ordered", { n: 1 });
const waiting = await queues.retrieve(slow);
const held = (await runs.retrieve(run.id)).status;
const resumed = await queues.resume(byName.id);
const ended = (await finished(run)).status;

const overridden = await queues.overrideConcurrencyLimit(slow, 7);
const stopped = await queues.overrideConcurrencyLimit(own, 0);
const reset = await queues.resetConcurrencyLimit(slow);
const unlimited = await queues.resetConcurrencyLimit(own);

say({
  byName, byId, byTask, walked, paused: paused.paused, held, resumed: resumed.paused, ended,
  waiting: { queued: waiting.queued, running: waiting.running, paused: waiting.paused },
  first: { length: first.data.length, ...first.pagination },
  past: { data: past.data, ...past.pagination },
  overridden, stopped: stopped.concurrencyLimit, reset, unlimited: unlimited.concurrencyLimit,
  refused: {
    unknownId: await failure(() => queues.retrieve("queue_unknown")),
    nameAsId: await failure(() => queues.retrieve("letters/slow")),
    unknownName: await failure(() => queues.pause({ type: "custom", name: "nobody's" })),
    unknownTask: await failure(() => queues.retrieve({ type: "task", name: "nobody" })),
    tooMany: await failure(() => queues.overrideConcurrencyLimit(slow, 100001)),
    negative: await failure(() => queues.overrideConcurrencyLimit(slow, -1)),
    notSet: await failure(() => queues.resetConcurrencyLimit(slow)),
  },
});
