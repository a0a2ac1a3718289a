// Counts checks, waits for things, follows WebSockets, computes money in millionths: what both programs share.

import { isDeepStrictEqual, inspect } from "node:util";
import WebSocket from "ws";

export class Checks {
  constructor(client) {
    this.client = client;
    this.passed = 0;
    this.failed = [];
  }

  that(what, holds, detail = "") {
    if (holds) {
      this.passed += 1;
    } else {
      this.failed.push(what);
      const text = typeof detail === "string" ? detail : inspect(detail, { depth: 6 });
      console.log(`FAILED ${what}: ${text}`);
    }
    return Boolean(holds);
  }

  equal(what, got, wanted) {
    const detail = `got ${inspect(got, { depth: 6 })}, wanted ${inspect(wanted, { depth: 6 })}`;
    return this.that(what, isDeepStrictEqual(got, wanted), detail);
  }

  fields(what, got, wanted) {
    for (const [key, value] of Object.entries(wanted))
      this.equal(`${what}: ${key}`, got?.[key], value);
  }

  // `describe` turns what the client raised into a text that must have every part.
  async refused(what, call, describe, ...parts) {
    let answer;
    try {
      answer = await call();
    } catch (error) {
      const text = describe(error);
      return this.that(
        what,
        parts.every((part) => text.includes(part)),
        `${text} lacks ${parts}`,
      );
    }
    return this.that(what, false, `accepted: ${inspect(answer)}`);
  }

  // A part that ends early is one failed check; the parts after it still run.
  async part(name, run) {
    console.log(`-- ${name}`);
    try {
      return await run();
    } catch (error) {
      this.that(name, false, error?.stack ?? String(error));
      return undefined;
    }
  }

  finish() {
    console.log(JSON.stringify({ client: this.client, passed: this.passed, failed: this.failed }));
    process.exit(this.failed.length > 0 || this.passed === 0 ? 1 : 0);
  }
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// The first answer that holds, or the last one when time is up.
export async function eventually(call, holds, seconds = 10, pause = 100) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await call();
    if (holds(answer) || Date.now() > deadline) return answer;
    await sleep(pause);
  }
}

// A WebSocket whose messages are kept in order, objects of an array one by one.
export class Stream {
  static async open(url, headers = {}) {
    const stream = new Stream();
    stream.seen = [];
    stream.socket = new WebSocket(url, { headers });
    stream.socket.on("message", (data) => stream.keep(data.toString()));
    await new Promise((done, refuse) => {
      stream.socket.once("open", done);
      stream.socket.once("error", refuse);
    });
    stream.socket.on("error", () => {});
    return stream;
  }

  keep(text) {
    let value = text;
    try {
      value = JSON.parse(text);
    } catch {
      // PONG is plain text
    }
    this.seen.push(...(Array.isArray(value) ? value : [value]));
  }

  send(value) {
    this.socket.send(typeof value === "string" ? value : JSON.stringify(value));
  }

  // The first message, old or new, that holds; undefined when time is up.
  async wait(holds, seconds = 10) {
    const deadline = Date.now() + seconds * 1000;
    for (let index = 0; ;) {
      for (; index < this.seen.length; index += 1) {
        if (holds(this.seen[index])) return this.seen[index];
      }
      if (Date.now() > deadline) return undefined;
      await sleep(20);
    }
  }

  close() {
    this.socket.close();
  }
}

const MILLION = 1_000_000n;

// Decimal text to millionths, exactly.
export function micro(text) {
  const [, sign, whole, part = ""] = /^(-?)(\d*)(?:\.(\d*))?$/.exec(String(text)) ?? [];
  if (whole === undefined || !/^\d{0,6}0*$/.test(part)) throw new Error(`no exact amount: ${text}`);
  const value = BigInt(whole || "0") * MILLION + BigInt(part.slice(0, 6).padEnd(6, "0"));
  return sign ? -value : value;
}

export const times = (a, b) => {
  const product = a * b;
  if (product % MILLION !== 0n) throw new Error("finer than a millionth");
  return product / MILLION;
};

// A Polymarket taker's fee for one match, rounded half up to five decimals.
export function polymarketFee(shares, price, rate) {
  const unit = 10n ** 19n; // shares, rate, price and its complement have six decimals each
  const exact = shares * rate * price * (MILLION - price);
  return ((exact + unit / 2n) / unit) * 10n;
}

const ceilTo = (value, unit) => ((value + unit - 1n) / unit) * unit;
const floorTo = (value, unit) => {
  const rest = ((value % unit) + unit) % unit;
  return value - rest;
};

// A Kalshi direct member's fees on one order: cash is rounded, what is over gathers and comes back.
export class KalshiFees {
  constructor(multiplier, rate) {
    this.factor = micro(multiplier) * micro(rate);
    this.over = 0n;
  }

  fill(buys, count, price) {
    const unit = 10n ** 24n;
    const exact = this.factor * count * price * (MILLION - price);
    const fee = ceilTo(exact, unit) / unit;
    const revenue = times(price, count) * (buys ? -1n : 1n);
    const aligned = floorTo(revenue - fee, 100n);
    const rounding = revenue - fee - aligned;
    this.over += rounding;
    const back = floorTo(this.over, 100n);
    const rebate = back < fee + rounding ? back : fee + rounding;
    this.over -= rebate;
    return fee + rounding - rebate;
  }
}
