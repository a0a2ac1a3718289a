// The client has no WebSocket code: a plain library follows what the client does.

import { Side } from "@polymarket/clob-client-v2";
import { Stream, micro, sleep } from "./checks.mjs";
import { QUIET, check, levels, limit } from "./polymarket_desk.mjs";

export async function streams(alice, bob, market) {
  const { yes, no, low } = market;
  const other = micro(1) - low;
  const host = QUIET.replace("http://", "ws://");
  const tape = await Stream.open(`${host}/ws/market`);
  tape.send({ assets_ids: [yes, no], type: "market", initial_dump: true });
  const own = await Stream.open(`${host}/ws/user`);
  const { key, secret, passphrase } = alice.creds;
  const auth = { apiKey: key, secret, passphrase };
  own.send({ auth, type: "user", markets: [market.condition] });
  const book = await tape.wait((m) => m.event_type === "book" && m.asset_id === yes);
  const seen = [levels(book.bids), levels(book.asks), book.market];
  check.equal("ws book", seen, [market.bids, market.asks, market.condition]);
  tape.send("PING");
  check.equal("PING is answered", await tape.wait((m) => m === "PONG"), "PONG");
  await sleep(300);

  const level = (token, price, side, size) => {
    const told = (c) =>
      c.asset_id === token &&
      micro(c.price) === price &&
      c.side === side &&
      micro(c.size) === micro(size);
    return tape.wait((m) => m.event_type === "price_change" && m.price_changes.some(told));
  };
  const event = (kind, id, name) =>
    own.wait(
      (m) =>
        m.event_type === kind && m.id === id && (kind === "order" ? m.type : m.status) === name,
      8,
    );
  const placed = await limit(alice, yes, Side.BUY, low, 30);
  check.that("level appears", await level(yes, low, "BUY", 30), "no level");
  check.that("and its mirror", await level(no, other, "SELL", 30), "no mirror");
  const placement = await event("order", placed.orderID, "PLACEMENT");
  check.fields("placement", placement, {
    asset_id: yes,
    market: market.condition,
    side: "BUY",
    owner: key,
  });
  const taker = await limit(bob, no, Side.BUY, other, 10);
  const update = await event("order", placed.orderID, "UPDATE");
  check.equal("update: matched", micro(update?.size_matched ?? 0), micro(10));
  for (const status of ["MATCHED", "MINED", "CONFIRMED"]) {
    const trade = await event("trade", taker.tradeIDs[0], status);
    const parts = trade?.maker_orders.map((part) => [part.order_id, micro(part.matched_amount)]);
    check.equal(`trade ${status}`, parts, [[placed.orderID, micro(10)]]);
  }
  await alice.cancelOrder({ orderID: placed.orderID });
  const gone = await event("order", placed.orderID, "CANCELLATION");
  check.equal("cancellation: matched before", micro(gone?.size_matched ?? 0), micro(10));
  check.that("level disappears", await level(yes, low, "BUY", 0), "still there");
  tape.close();
  own.close();
}
