// One call of the npm client `vnpay`: JSON on stdin, JSON on stdout.
import { readFileSync } from "node:fs";
import { VNPay, ignoreLogger } from "vnpay";

const asked = JSON.parse(readFileSync(0, "utf8"));
const client = new VNPay({ testMode: false, hashAlgorithm: "SHA512", enableLog: false, loggerFn: ignoreLogger, ...asked.config });
const calls = {
  pay: () => ({ url: client.buildPaymentUrl(asked.data) }),
  ipn: () => client.verifyIpnCall(asked.data),
  return: () => client.verifyReturnUrl(asked.data),
  query: () => client.queryDr(asked.data),
  refund: () => client.refund(asked.data),
};
process.stdout.write(JSON.stringify(await calls[asked.call]()));
