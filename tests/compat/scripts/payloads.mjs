// What the client sends, and what the Python task got of it.
import { tasks } from "@trigger.dev/sdk";
import { finished, requests, say } from "./client.mjs";

const rich = {
  when: new Date("2024-02-29T12:34:56.789Z"),
  tags: new Set(["a"]),
  big: 5n,
  huge: 10n ** 40n,
  pairs: new Map([["k", new Date(0)]]),
  none: undefined,
  infinite: -Infinity,
  bytes: new Uint8Array([1, 2, 255]),
  site: new URL("http://a.example/b"),
  deep: [{ days: [new Date(4)] }],
};
const values = {
  rich,
  date: new Date(5),
  set: new Set([1]),
  list: [1n, "two", null],
  string: "just a string",
  "looks like JSON": '{"a": 1}',
  unicode: "grüße \u{1F600} \u2028",
  empty: "",
  number: 1.5,
  false: false,
  null: null,
  undefined: undefined,
};
const described = {};
await Promise.all(
  Object.entries(values).map(async ([name, value]) => {
    const handle = await tasks.trigger("describe", value);
    const run = await finished(handle);
    described[name] = { python: run.output, payload: run.payload, hasPayload: "payload" in run };
  }),
);

const visit = await finished(
  await tasks.trigger("visit", { when: rich.when, tags: rich.tags, big: rich.big }),
);
const wrong = await finished(await tasks.trigger("visit", { when: 1, tags: [], big: "x" }));
const echoed = await finished(await tasks.trigger("echo", { date: "text", list: [1, { a: null }] }));
const odd = await finished(await tasks.trigger("no payload/at all%2F ü"));

// From 128 KiB on the client stores the payload apart, and triggers with its path.
const large = "ä".repeat(100_000);
const before = requests.length;
const handle = await tasks.trigger("describe", { large, when: new Date(0) });
const route = requests.slice(before).map((each) => each.replace(/[^/]{30,}/g, "~"));
const stored = await finished(handle);
const big = await finished(await tasks.trigger("echo", large));

say({
  described,
  visit: visit.output,
  wrong: { status: wrong.status, error: wrong.error, attempts: wrong.attemptCount },
  echoed: echoed.output,
  odd: { output: odd.output, task: odd.taskIdentifier, hasPayload: "payload" in odd },
  large: {
    route,
    python: stored.output?.length,
    payload: stored.payload?.large === large,
    date: stored.payload?.when instanceof Date,
    text: big.payload === large,
    output: big.output === large,
  },
});
