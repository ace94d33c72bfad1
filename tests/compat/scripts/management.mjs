// Bulk actions, deployments, traces and results: what the npm client manages runs with.
import { apiClientManager } from "@trigger.dev/core/v3";
import { batch, deployments, runs, tasks } from "@trigger.dev/sdk";
import { failure, finished, say } from "./client.mjs";

const client = apiClientManager.clientOrThrow();
const delayed = [];
for (let n = 0; n < 3; n++) delayed.push((await tasks.trigger("add", { a: n, b: 0 }, { delay: "1h", tags: ["bulk"] })).id);
const canceling = await runs.bulk.cancel({ filter: { tag: "bulk", status: ["DELAYED"] }, name: "tidy" });
const canceled = await runs.bulk.poll(canceling.id, { pollIntervalMs: 100 });
const touched = [];
for await (const each of runs.list({ bulkAction: canceling.id })) touched.push([each.id, each.status]);

const done = await tasks.trigger("add", { a: 2, b: 3 });
const ended = await finished(done);
const replaying = await runs.bulk.replay({ runIds: [done.id] });
const replayed = await runs.bulk.poll(replaying.id, { pollIntervalMs: 100 });
const walked = [];
for await (const each of runs.bulk.list({ limit: 1 })) walked.push(each.id);
const page = await runs.bulk.list({ limit: 1 });
const second = await page.getNextPage();
const back = await second.getPreviousPage();

const current = await deployments.retrieveCurrent();
const listed = await deployments.list({ limit: 1, status: "DEPLOYED", period: "1d" });

const trace = await client.retrieveRunTrace(done.id);
const flat = await client.retrieveRunTracePage(done.id, { limit: 1 });
const rest = await client.retrieveRunTracePage(done.id, { after: flat.pagination.next });
const span = await client.retrieveSpan(done.id, flat.data[0].id);
const result = await client.getRunResult(done.id);
const unfinished = await client.getRunResult((await tasks.trigger("add", { a: 1, b: 1 }, { delay: "1h" })).id);
const failed = await client.getRunResult((await finished(await tasks.trigger("fail", "x"))).id);

const made = await tasks.batchTrigger("add", [{ payload: { a: 1, b: 1 } }, { payload: { a: 2, b: 2 } }]);
let found = await batch.retrieve(made.batchId);
while (found.status !== "COMPLETED") found = await batch.retrieve(made.batchId);
const results = await client.getBatchResults(made.batchId);
const events = await client.listRunEvents(done.id);

say({
  delayed, canceled, touched, replayed, ended: ended.status, walked,
  bulkIds: [canceling.id, replaying.id],
  turned: [page.data[0].id, second.data[0].id, back.data[0].id],
  current: { ...current, keys: Object.keys(current).sort() },
  listed: { ids: listed.data.map((each) => each.id), isDate: listed.data[0].createdAt instanceof Date },
  trace: { message: trace.trace.rootSpan.data.message, children: trace.trace.rootSpan.children.length },
  flat: [flat.data.length, rest.data.length > 0, span.spanId === done.id, span.message],
  result, unfinished: unfinished === undefined, failed: [failed.ok, failed.error.type, failed.error.name],
  results: results.items.map((each) => [each.ok, each.output]),
  events: Array.isArray(events.events),
  refused: {
    empty: await failure(() => runs.bulk.cancel({ filter: {} })),
    unknown: await failure(() => runs.bulk.retrieve("bulk_unknown")),
    over: await failure(() => runs.bulk.abort(canceling.id)),
    noRun: await failure(() => runs.bulk.replay({ runIds: ["nonsense"] })),
  },
});
