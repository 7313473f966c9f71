// One call of the npm client `vn-payments` (OnePAY): JSON on stdin, JSON on stdout.
import { readFileSync } from "node:fs";
import peer from "vn-payments";

const asked = JSON.parse(readFileSync(0, "utf8"));
const client = asked.international ? new peer.OnePayInternational(asked.config) : new peer.OnePayDomestic(asked.config);
const calls = {
  pay: async () => ({ url: String(await client.buildCheckoutUrl(asked.data)) }),
  return: () => client.verifyReturnUrl(asked.data),
};
process.stdout.write(JSON.stringify(await calls[asked.call]()));
