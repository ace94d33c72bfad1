// What every script shares: it prints one JSON value, counts the client's requests and names its errors.
import * as sdk from "@trigger.dev/sdk";

export const requests = [];
const send = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  requests.push(`${init?.method ?? input.method ?? "GET"} ${url.pathname}`);
  return send(input, init);
};

export function say(value) {
  console.log(JSON.stringify(value));
}

/** The error that a call ends with, the classes that it belongs to, and how many requests it cost. */
export async function failure(call) {
  const before = requests.length;
  try {
    return { succeeded: await call() };
  } catch (error) {
    const classes = Object.entries(sdk).filter(
      ([, value]) => typeof value === "function" && value.prototype && error instanceof value,
    );
    return {
      classes: classes.map(([name]) => name),
      name: error.name,
      status: error.status ?? error.cause?.status, // a BatchTriggerError wraps its cause
      code: error.code,
      message: error.message,
      requests: requests.length - before,
    };
  }
}

/** A run, once it is final. */
export function finished(handle) {
  return sdk.runs.poll(handle.id ?? handle, { pollIntervalMs: 40 });
}
