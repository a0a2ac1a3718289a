// The client has no WebSocket code: a plain library follows what the client does.

import { createRequire } from "node:module";
import { Stream, micro } from "./checks.mjs";
import { KEYS, QUIET, body, check, dollars, identity, place } from "./kalshi_desk.mjs";

const { KalshiAuth } = createRequire(import.meta.url)("kalshi-typescript/dist/auth.js");
const PATH = "/trade-api/ws/v2";
const HOST = QUIET.replace("http://", "ws://");

function signedStream(key) {
  const { apiKey, privateKeyPem } = identity(key);
  const headers = new KalshiAuth(apiKey, privateKeyPem).generateAuthHeaders("GET", PATH);
  return Stream.open(HOST + PATH, headers);
}

export async function streams(alice, bob, desk) {
  const { ticker, low } = desk;
  const unsigned = await Stream.open(HOST + PATH).catch((error) => error.message);
  check.that("an unsigned upgrade is refused", String(unsigned).includes("401"), unsigned);
  const tape = await signedStream(KEYS[0]);
  const wait = async (type, holds = () => true) =>
    (await tape.wait((m) => m.type === type && holds(m.msg ?? {}))) ?? { msg: {} };
  const channels = ["orderbook_delta", "user_orders", "fill"];
  const params = { channels, market_tickers: [ticker], use_yes_price: true };
  tape.send({ id: 1, cmd: "subscribe", params });
  const { sid } = (await wait("subscribed", (m) => m.channel === "orderbook_delta")).msg;
  const snapshot = await wait("orderbook_snapshot");
  check.fields("snapshot", snapshot, { sid, seq: 1 });
  const asks = Object.fromEntries(snapshot.msg.no_dollars_fp ?? []);
  const wanted = desk.nos.map(([price, count]) => [dollars(micro(1) - micro(price)), count]);
  check.equal("no levels on the yes scale", asks, Object.fromEntries(wanted));
  const ask = await place(bob, ticker, "ask", low, 7);
  const delta = await wait("orderbook_delta");
  check.fields("delta", delta, { sid, seq: 2 });
  check.fields("delta", delta.msg, {
    market_ticker: ticker,
    price_dollars: dollars(low),
    delta_fp: "7.00",
    side: "no",
    client_order_id: undefined, // another's
  });
  const lift = await place(alice, ticker, "bid", low, 2, "immediate_or_cancel");
  const seen = await wait("user_order", (m) => m.order_id === lift.order_id);
  const done = { status: "executed", fill_count_fp: "2.00", remaining_count_fp: "0.00" };
  check.fields("user order", seen.msg, done);
  const fill = (await wait("fill", (m) => m.order_id === lift.order_id)).msg;
  check.fields("fill", fill, {
    market_ticker: ticker,
    is_taker: true,
    count_fp: "2.00",
    yes_price_dollars: dollars(low),
  });
  const [rest] = (await body(alice.portfolio.getFills(ticker, lift.order_id))).fills;
  const same = [fill.trade_id, micro(fill.fee_cost ?? 0)];
  check.equal("fill is REST's", same, [rest.trade_id, micro(rest.fee_cost)]);
  await bob.orders.cancelOrderV2(ask.order_id);
  const last = await wait("orderbook_delta", (m) => m.delta_fp === "-5.00");
  check.that("the rest is canceled", last.seq, tape.seen);
  const counted = tape.seen.filter((m) => m.sid === sid && m.seq !== undefined);
  const numbers = counted.map((m) => m.seq);
  const dense = numbers.map((_, index) => index + 1);
  check.equal("no gap in the sequence", numbers, dense);
  tape.close();
}
