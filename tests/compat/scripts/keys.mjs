// A key beside the root key: the client does not sign with it, and asks the server.
import { auth, runs, tasks } from "@trigger.dev/sdk";
import { failure, requests, say } from "./client.mjs";

const made = await fetch(`${process.env.TRIGGER_API_URL}/api/hairtrigger/v1/keys`, {
  method: "POST",
  headers: { authorization: `Bearer ${process.env.TRIGGER_SECRET_KEY}`, "content-type": "application/json" },
  body: JSON.stringify({ name: `npm ${Date.now()}`, expiresIn: "1h" }),
});
const { secret } = await made.json();

const [mine, other] = await auth.withAuth({ accessToken: secret }, async () => [
  await tasks.trigger("echo", "mine"),
  await tasks.trigger("echo", "other"),
]);
const before = requests.length;
const token = await auth.withAuth({ accessToken: secret }, () =>
  auth.createPublicToken({ scopes: { read: { runs: [mine.id] } }, expirationTime: "1h" }),
);

async function reads(run) {
  const ended = await auth.withAuth({ accessToken: token }, () => failure(() => runs.retrieve(run.id)));
  return "succeeded" in ended ? "ok" : ended.status;
}

say({
  asked: requests.slice(before, before + 1),
  own: await reads(mine),
  other: await reads(other),
  handle: typeof mine.publicAccessToken,
});
