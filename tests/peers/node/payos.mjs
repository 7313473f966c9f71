// One call of the npm client `@payos/node`: JSON on stdin, JSON on stdout.
import { readFileSync } from "node:fs";
import { PayOS } from "@payos/node";

const asked = JSON.parse(readFileSync(0, "utf8"));
// The client drops the path of its base URL, below which our simulator stands.
const below = new URL(asked.config.baseURL ?? "https://payos.example/").pathname.replace(/\/$/, "");
const reach = (url, init) => {
  const wanted = new URL(url);
  if (!wanted.pathname.startsWith(`${below}/`)) wanted.pathname = below + wanted.pathname;
  return fetch(wanted, init);
};
const client = new PayOS({ maxRetries: 0, logLevel: "off", fetch: reach, ...asked.config });
const key = asked.config.checksumKey;
const calls = {
  sign_request: async () => ({ signature: await client.crypto.createSignatureOfPaymentRequest(asked.data, key) }),
  sign_data: async () => ({ signature: await client.crypto.createSignatureFromObj(asked.data, key) }),
  verify: async () => ({ data: await client.webhooks.verify(asked.data) }),
  create: () => client.paymentRequests.create(asked.data),
  get: () => client.paymentRequests.get(asked.data),
  cancel: () => client.paymentRequests.cancel(asked.data, "Het han"),
};
process.stdout.write(JSON.stringify(await calls[asked.call]()));
