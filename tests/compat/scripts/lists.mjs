// runs.list: each filter by itself, and pages walked to the end.
import { batch, runs, tasks } from "@trigger.dev/sdk";
import { failure, finished, requests, say } from "./client.mjs";

const mark = `list-${process.pid}-${Date.now()}`;
const started = new Date();
const several = [];
for (let at = 0; at < 7; at++) {
  several.push(await tasks.trigger("add", { a: at, b: 0 }, { tags: [mark, `${mark}-${at % 2}`] }));
}
await Promise.all(several.map(finished));
const failed = await tasks.trigger("fail", 1, { tags: mark });
await finished(failed);
const other = await tasks.trigger("ordered", 1, { tags: mark, machine: "micro" });
const version = (await finished(other)).version;
const later = await tasks.trigger("echo", 1, { tags: mark, delay: "1h" });
const group = await batch.trigger([{ id: "add", payload: { a: 1, b: 1 }, options: { tags: [mark] } }]);
const names = Object.fromEntries(several.map((each, at) => [each.id, `add ${at}`]));
Object.assign(names, { [failed.id]: "fail", [other.id]: "ordered", [later.id]: "echo" });

/** The runs of this script that a list has on its first page, by name, newest first. */
async function found(filter) {
  const page = await runs.list({ tag: mark, limit: 50, ...filter });
  return page.data.map((run) => names[run.id] ?? "batched");
}

async function walk(limit) {
  const seen = [];
  for await (const run of runs.list({ tag: mark, limit, status: ["COMPLETED", "FAILED"] })) {
    seen.push(names[run.id] ?? "batched");
  }
  return seen;
}

while ((await batch.retrieve(group.batchId)).status !== "COMPLETED");
const first = await runs.list({ tag: mark, limit: 4 });
const second = await first.getNextPage();
const back = await second.getPreviousPage();
const forth = await back.getNextPage();
const walkedFrom = requests.length;
const walked = await walk(3);
const pages = requests.length - walkedFrom;
const item = first.data.find((run) => run.id === other.id);

say({
  all: await found({}),
  item,
  version,
  mark,
  walked,
  pages,
  steps: [first, second, back, forth].map((page) => page.data.map((run) => names[run.id] ?? "batched")),
  ends: [first.hasPreviousPage(), first.hasNextPage(), second.hasPreviousPage()],
  filters: {
    status: await found({ status: "FAILED" }),
    statuses: await found({ status: ["FAILED", "DELAYED"] }),
    task: await found({ taskIdentifier: "fail" }),
    tasks: await found({ taskIdentifier: ["fail", "echo"] }),
    tag: await found({ tag: `${mark}-1` }),
    tags: await found({ tag: [`${mark}-0`, `${mark}-1`] }),
    version: (await found({ version })).length,
    noVersion: await found({ version: ["19700101.1"] }),
    batch: await found({ batch: group.batchId }),
    queue: await found({ queue: { type: "custom", name: "letters/slow" } }),
    taskQueue: await found({ queue: [{ type: "task", name: "fail" }, { type: "task", name: "echo" }] }),
    machine: await found({ machine: "micro" }),
    isTest: await found({ isTest: true }),
    isNoTest: (await found({ isTest: false })).length,
    from: (await found({ from: started })).length,
    fromLater: await found({ from: new Date(Date.now() + 60_000) }),
    to: await found({ to: started.getTime() - 1_000 }),
    period: (await found({ period: "1h" })).length,
    schedule: await found({ schedule: "sched_unknown" }),
    region: await found({ region: "nowhere" }),
    bulkAction: await found({ bulkAction: "bulk_unknown" }),
  },
  unknownStatus: await failure(() => runs.list({ status: "SLEEPING" })),
  tooMany: await failure(() => runs.list({ limit: 101 })),
  badCursor: await failure(() => runs.list({ after: "nonsense" })),
});
