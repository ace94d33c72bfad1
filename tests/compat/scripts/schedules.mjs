// Schedules: the whole life of one made over the API.
import { schedules } from "@trigger.dev/sdk";
import { failure, say } from "./client.mjs";

const options = {
  task: "on-schedule",
  cron: "30 9 * * *",
  deduplicationKey: "user-1",
  timezone: "Europe/London",
  externalId: "customer 1",
};
const created = await schedules.create(options);
const again = await schedules.create({ ...options, cron: "0 12 * * 1" });
const retrieved = await schedules.retrieve(created.id);
const byKey = await schedules.retrieve("user-1");
const updated = await schedules.update(created.id, { task: "on-schedule", cron: "0 0 1 * *" });
const off = await schedules.deactivate(created.id);
const on = await schedules.activate(created.id);
const more = [];
for (let at = 0; at < 4; at++) {
  more.push(await schedules.create({ task: "on-schedule", cron: "0 0 * * *", deduplicationKey: `page-${at}` }));
}
const pages = [await schedules.list({ page: 1, perPage: 3 }), await schedules.list({ page: 2, perPage: 3 })];
const past = await schedules.list({ page: 9, perPage: 3 });
const walked = [];
for await (const each of schedules.list({ perPage: 2 })) walked.push(each.deduplicationKey);
const deleted = await schedules.del(created.id);
const gone = await failure(() => schedules.retrieve(created.id));
for (const each of more) await schedules.del(each.id);

const zones = await schedules.timezones();
const withoutUtc = await schedules.timezones({ excludeUtc: true });

say({
  created, again, retrieved, byKey: byKey.id, updated, off, on, deleted, gone, walked,
  pages: pages.map((page) => ({ count: page.data.length, ...page.pagination })),
  past: { data: past.data, ...past.pagination },
  zones: [zones.timezones[0], zones.timezones.includes("Europe/London"), withoutUtc.timezones.includes("UTC")],
  refused: {
    cron: await failure(() => schedules.create({ ...options, cron: "every day" })),
    seconds: await failure(() => schedules.create({ ...options, cron: "* * * * * *" })),
    zone: await failure(() => schedules.create({ ...options, timezone: "Moon/Base" })),
    unknownTask: await failure(() => schedules.create({ ...options, task: "nobody" })),
    plainTask: await failure(() => schedules.create({ ...options, task: "add" })),
    unknown: await failure(() => schedules.update("sched_unknown", { task: "on-schedule", cron: "0 0 * * *" })),
  },
});
