// What a personal access token is for: the runs of a whole project, and its environment variables.
import { auth, configure, envvars, runs, tasks } from "@trigger.dev/sdk";
import { failure, finished, say } from "./client.mjs";

const { TOKEN, PROJECT } = process.env;
const run = await tasks.trigger("add", { a: 1, b: 2 });
await finished(run);
configure({ accessToken: TOKEN });
const seen = await runs.list(PROJECT, { limit: 50 });
const walked = [];
for await (const one of runs.list(PROJECT, { limit: 1, env: "dev" })) {
  walked.push(one.id);
  if (walked.length === 3) break;
}
await envvars.create(PROJECT, "prod", { name: "COLOUR", value: "red" });
await envvars.upload(PROJECT, "staging", { variables: { A: "1" } }).catch((error) => failure(error));
const made = await envvars.retrieve(PROJECT, "prod", "COLOUR");
const listed = await envvars.list(PROJECT, "prod");
await envvars.del(PROJECT, "prod", "COLOUR");

say({
  listed: seen.data.some((one) => one.id === run.id && one.env.name === "dev"),
  walked: new Set(walked).size === walked.length,
  production: (await runs.list(PROJECT, { env: "prod" })).data.length,
  elsewhere: await runs.list("proj_elsewhere").catch((error) => error.status),
  variable: made.value,
  variables: listed.map((one) => one.name),
  after: await envvars.retrieve(PROJECT, "prod", "COLOUR").catch((error) => error.status),
  revoked: await auth.withAuth({ accessToken: "tr_pat_nobody" }, () =>
    runs.list(PROJECT).catch((error) => error.status)),
});
