// Orders that trade: cash, fees, positions, fills and trades to the last decimal.

import { eventually, micro, times } from "./checks.mjs";
import {
  CALM,
  KEYS,
  body,
  cash,
  check,
  clientOf,
  dollars,
  openMarkets,
  place,
  positionOf,
} from "./kalshi_desk.mjs";

const ONE = micro(1);
const IOC = "immediate_or_cancel";

// What the maker and the taker must have at any moment.
class Purses {
  static async of(...clients) {
    const purses = new Purses();
    purses.clients = clients;
    purses.cash = await Promise.all(clients.map(cash));
    return purses;
  }

  async move(what, maker, taker) {
    this.cash = [this.cash[0] + maker, this.cash[1] + taker];
    check.equal(`${what}: cash`, await Promise.all(this.clients.map(cash)), this.cash);
  }
}

export async function filled(alice, bob, desk) {
  const purses = await Purses.of(alice, bob);
  await hit(alice, bob, desk, purses);
  await twoLevels(alice, bob, desk, purses);
  const dead = await place(alice, desk.ticker, "bid", desk.high, 1, "fill_or_kill");
  check.fields("fill or kill", dead, { fill_count: "0.00", remaining_count: "0.00" });
}

// A yes buyer and a no buyer: both open a position.
async function hit(alice, bob, desk, purses) {
  const { ticker, low } = desk;
  const bid = await place(alice, ticker, "bid", low, 10);
  const taken = await place(bob, ticker, "ask", low, 10, IOC);
  const paid = desk.fee(false, [[10, low]]);
  const maker = desk.fee(true, [[10, low]], true);
  await purses.move("hit", -10n * low - maker, -10n * (ONE - low) - paid);
  check.fields("hit", taken, {
    fill_count: "10.00",
    remaining_count: "0.00",
    average_fill_price: dollars(low),
  });
  check.equal("hit: fee per contract", micro(taken.average_fee_paid) * 10n, paid);
  const { fills } = await body(bob.portfolio.getFills(ticker, taken.order_id));
  check.equal("one fill", fills.length, 1);
  check.fields("fill", fills[0], {
    ticker,
    outcome_side: "no",
    book_side: "ask",
    count_fp: "10.00",
    yes_price_dollars: dollars(low),
    is_taker: true,
  });
  check.equal("fill: fee", micro(fills[0].fee_cost), paid);
  const theirs = (await body(alice.portfolio.getFills(ticker))).fills;
  const seen = theirs.map((row) => [row.trade_id, row.order_id, row.is_taker]);
  check.equal("the maker's fill", seen, [[fills[0].trade_id, bid.order_id, false]]);
  const order = (await body(alice.orders.getOrder(bid.order_id))).order;
  const done = { status: "executed", fill_count_fp: "10.00", remaining_count_fp: "0.00" };
  check.fields("the maker's order", order, done);
  const held = [await positionOf(alice, ticker), await positionOf(bob, ticker)];
  check.equal(
    "long and short",
    held.map((row) => row.position_fp),
    ["10.00", "-10.00"],
  );
  const { trades } = await body(alice.market.getTrades(1, undefined, ticker));
  check.fields("public trade", trades[0], {
    trade_id: fills[0].trade_id,
    count_fp: "10.00",
    taker_outcome_side: "no",
  });
}

// The rest of an immediate order is dropped.
async function twoLevels(alice, bob, desk, purses) {
  const { ticker, low, high } = desk;
  for (const price of [low, high]) await place(bob, ticker, "ask", price, 3);
  const lift = await place(alice, ticker, "bid", high, 8, IOC);
  const cost = 3n * low + 3n * high;
  const taker = desk.fee(true, [
    [3, low],
    [3, high],
  ]);
  const makers = [low, high].map((price) => desk.fee(false, [[3, price]], true));
  await purses.move("two levels", -cost - taker, cost - micro(6) - makers[0] - makers[1]);
  check.fields("two levels", lift, { fill_count: "6.00", remaining_count: "0.00" });
  check.equal("two levels: average", micro(lift.average_fill_price), (low + high) / 2n);
}

// A market that trades: our fills make the whole, our cash moves by them.
export async function strangers() {
  const alice = clientOf(CALM, KEYS[0]);
  const sides = (row) => [micro(row.yes_bid_size_fp), micro(row.yes_ask_size_fp)];
  const both = (await openMarkets(alice)).filter((row) => sides(row).every((size) => size > 0n));
  check.that("two markets of tick 0.01 have both sides", both.length >= 2, both.length);
  const { ticker } = both[0];
  const before = await cash(alice);
  const bought = await eventually(
    () => place(alice, ticker, "bid", "0.9900", 5, IOC),
    (answer) => micro(answer.fill_count) > 0n,
  );
  const { fills } = await body(alice.portfolio.getFills(ticker, bought.order_id));
  const sum = (amount) => fills.reduce((total, row) => total + amount(row), 0n);
  const count = sum((row) => micro(row.count_fp));
  check.equal("fills make the whole", count, micro(bought.fill_count));
  const cost = sum((row) => times(micro(row.count_fp), micro(row.yes_price_dollars)));
  const fees = sum((row) => micro(row.fee_cost));
  check.equal("cash moved by cost and fees", before - (await cash(alice)), cost + fees);
  check.equal("held", (await positionOf(alice, ticker)).position_fp, bought.fill_count);
}
