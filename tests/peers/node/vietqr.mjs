// The npm clients `vietnam-qr-pay` and `vietqr-ts` read one VietQR text, and make one: JSON on stdin, JSON on stdout.
import { readFileSync } from "node:fs";
import vietnamQrPay from "vietnam-qr-pay";
import { decode, generateVietQR, parse, verifyCRC } from "vietqr-ts";

const asked = JSON.parse(readFileSync(0, "utf8"));
const calls = {
  read: () => {
    const pay = new vietnamQrPay.QRPay(asked.text);
    const parsed = parse(asked.text);
    return {
      pay: pay.isValid && {
        bank_bin: pay.consumer.bankBin,
        account: pay.consumer.bankNumber,
        amount: pay.amount ?? "",
        purpose: pay.additionalData.purpose ?? "",
        service: pay.provider.service,
        rebuilt: pay.build(),
      },
      ts: parsed.success && {
        bank_bin: parsed.data.bankCode,
        account: parsed.data.accountNumber,
        amount: parsed.data.amount ?? "",
        purpose: parsed.data.message ?? "",
      },
      crc: verifyCRC(asked.text),
    };
  },
  picture: () => {
    const seen = decode(Buffer.from(asked.png, "base64"));
    return seen.success ? { account: seen.data.accountNumber, purpose: seen.data.message ?? "" } : { error: seen.error };
  },
  write: () => {
    const { bank_bin: bankBin, account, amount, purpose } = asked.transfer;
    const pay = vietnamQrPay.QRPay.initVietQR({ bankBin, bankNumber: account, amount, purpose });
    const ts = generateVietQR({
      bankBin,
      accountNumber: account,
      serviceCode: "QRIBFTTA",
      initiationMethod: amount ? "12" : "11",
      ...(amount ? { amount } : {}),
      ...(purpose ? { purpose } : {}),
    });
    return { pay: pay.build(), ts: ts.rawData };
  },
};
process.stdout.write(JSON.stringify(calls[asked.call]()));
