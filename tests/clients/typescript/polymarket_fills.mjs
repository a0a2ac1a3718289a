// Orders that trade: every match type to the last decimal, against each other and strangers.

import { OrderType, Side } from "@polymarket/clob-client-v2";
import { micro, times } from "./checks.mjs";
import {
  CALM,
  KEYS,
  START,
  cash,
  check,
  clientOf,
  confirmed,
  inCents,
  levels,
  limit,
  marketOf,
  number,
  shares,
  tradable,
} from "./polymarket_desk.mjs";

const ONE = micro(1);

// What the maker and the taker must have at any moment.
class Purses {
  constructor(maker, taker) {
    this.clients = [maker, taker];
    this.cash = [START, START];
  }

  async move(what, maker, taker) {
    this.cash = [this.cash[0] + maker, this.cash[1] + taker];
    const have = await Promise.all(this.clients.map(cash));
    check.equal(`${what}: cash`, have, this.cash);
  }
}

const amounts = (answer) => [micro(answer.makingAmount), micro(answer.takingAmount)];

function marketOrder(client, tokenID, side, amount, price, orderType) {
  const what = { tokenID, side, amount, price, orderType };
  return client.createAndPostMarketOrder(what, undefined, orderType);
}

export async function filled(alice, bob, market) {
  const purses = new Purses(alice, bob);
  await minted(alice, bob, market, purses);
  await improved(alice, bob, market, purses);
  await merged(alice, bob, market, purses);
  await swept(alice, bob, market, purses);
}

// Two buyers of the two tokens: a new set is made for them.
async function minted(alice, bob, market, purses) {
  const { yes, no, low } = market;
  const other = ONE - low;
  const maker = await limit(alice, yes, Side.BUY, low, 100);
  const taker = await limit(bob, no, Side.BUY, other, 100);
  const fee = market.fee(micro(100), other);
  await purses.move("mint", -100n * low, -100n * other - fee);
  check.fields("mint", taker, { success: true, status: "matched", errorMsg: "" });
  check.equal("mint: amounts", amounts(taker), [100n * other, micro(100)]);
  const counts = [taker.tradeIDs.length, taker.transactionsHashes.length];
  check.equal("mint: trades and transactions", counts, [1, 1]);
  const have = [await shares(alice, yes), await shares(bob, no)];
  check.equal("mint: shares", have, [micro(100), micro(100)]);
  const [id] = taker.tradeIDs;
  const trade = await confirmed(bob, id);
  check.fields("taker's trade", trade, {
    taker_order_id: taker.orderID,
    market: market.condition,
    asset_id: no,
    side: "BUY",
    trader_side: "TAKER",
    owner: bob.creds.key,
    outcome: market.outcomes[1],
    transaction_hash: taker.transactionsHashes[0],
  });
  const what = [micro(trade.price), micro(trade.size)];
  check.equal("taker's trade: price and size", what, [other, micro(100)]);
  const [part] = trade.maker_orders;
  check.fields("maker's part", part, {
    order_id: maker.orderID,
    owner: alice.creds.key,
    asset_id: yes,
    side: "BUY",
    outcome: market.outcomes[0],
  });
  const given = [micro(part.price), micro(part.matched_amount)];
  check.equal("maker's part: price and size", given, [low, micro(100)]);
  const theirs = await alice.getTrades({ market: market.condition });
  const seen = theirs.map((row) => [row.id, row.trader_side]);
  check.equal("the maker sees it too", seen, [[id, "MAKER"]]);
  const order = await alice.getOrder(maker.orderID);
  check.fields("the maker's order", order, { status: "MATCHED", associate_trades: [id] });
  const last = await alice.getLastTradePrice(no);
  check.equal("last trade", [micro(last.price), last.side], [other, "BUY"]);
}

// A budget meets a better price than its limit: it buys more shares.
async function improved(alice, bob, market, purses) {
  const { yes, high } = market;
  await limit(alice, yes, Side.SELL, high, 50);
  const budget = 40n * high;
  const price = number(high + 50_000n);
  const taker = await marketOrder(bob, yes, Side.BUY, number(budget), price, OrderType.FOK);
  await purses.move("improved", budget, -budget - market.fee(micro(40), high));
  check.equal("improved: amounts", amounts(taker), [budget, micro(40)]);
  const open = await alice.getOpenOrders();
  const left = open.map((row) => [micro(row.size_matched), row.status]);
  check.equal("part of the maker's order is left", left, [[micro(40), "LIVE"]]);
  const asks = levels((await alice.getOrderBook(yes)).asks);
  check.equal("and shown", asks, [...market.asks, [high, micro(10)]]);
  await alice.cancelAll();
  await confirmed(bob, taker.tradeIDs[0]);
}

// Two sellers: the set goes back to cash.
async function merged(alice, bob, market, purses) {
  const { yes, no, low } = market;
  const other = ONE - low;
  await limit(alice, yes, Side.SELL, low, 20);
  const taker = await limit(bob, no, Side.SELL, other, 20);
  await purses.move("merge", 20n * low, 20n * other - market.fee(micro(20), other));
  check.equal("merge: amounts", amounts(taker), [micro(20), 20n * other]);
  const have = [await shares(alice, yes), await shares(bob, no)];
  check.equal("merge: shares", have, [micro(40), micro(80)]);
  await confirmed(bob, taker.tradeIDs[0]);
}

// Over two levels, each match with its own fee; the rest of a FAK is dropped.
async function swept(alice, bob, market, purses) {
  const { yes, low, high } = market;
  for (const price of [low, high]) await limit(alice, yes, Side.BUY, price, 7);
  const taker = await marketOrder(bob, yes, Side.SELL, 30, number(low), OrderType.FAK);
  const got = 7n * low + 7n * high;
  const fees = market.fee(micro(7), low) + market.fee(micro(7), high);
  await purses.move("two levels", -got, got - fees);
  check.equal("two levels: amounts", amounts(taker), [micro(14), got]);
  check.equal("two levels: nothing rests", await bob.getOpenOrders(), []);
}

// A market that trades: its makers' parts of our trade, our cash, our shares.
export async function strangers() {
  const alice = await clientOf(CALM, KEYS[0]);
  const both = [];
  for (const row of inCents(await tradable(alice))) {
    const market = await marketOf(alice, row);
    if (market.bids.length > 0 && market.asks.length > 0) both.push(market);
  }
  check.that("two markets of tick 0.01 have both sides", both.length >= 2, both.length);
  const [market] = both;
  const before = await cash(alice);
  const answer = await marketOrder(alice, market.yes, Side.BUY, 12, undefined, OrderType.FAK);
  check.equal("bought from strangers", answer.status, "matched");
  let [fees, bought] = [0n, 0n];
  for (const id of answer.tradeIDs) {
    for (const part of (await confirmed(alice, id)).maker_orders) {
      const same = part.asset_id === market.yes;
      const price = same ? micro(part.price) : ONE - micro(part.price);
      fees += market.fee(micro(part.matched_amount), price);
      bought += micro(part.matched_amount);
    }
  }
  check.equal("the parts make the whole", bought, micro(answer.takingAmount));
  const spent = before - (await cash(alice));
  check.equal("cash moved by cost and fees", spent, micro(answer.makingAmount) + fees);
  check.equal("shares arrived", await shares(alice, market.yes), bought);
}
