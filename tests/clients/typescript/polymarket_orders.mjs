// Orders that do not trade: placed, looked at, refused, canceled, alone and in batches.

import { OrderType, Side } from "@polymarket/clob-client-v2";
import { micro } from "./checks.mjs";
import {
  KEYS,
  START,
  addressOf,
  cash,
  check,
  levels,
  limit,
  number,
  orderHash,
  refused,
} from "./polymarket_desk.mjs";

const FAR = 20_000n; // two cents: behind every quote

export async function resting(alice, market) {
  const { yes, no, low } = market;
  const what = { tokenID: yes, price: number(low), size: 100, side: Side.BUY };
  const signed = await alice.createOrder(what);
  const answer = await alice.postOrder(signed, OrderType.GTC);
  const id = orderHash(signed, market.negRisk);
  check.fields("placed", answer, { success: true, errorMsg: "", status: "live", orderID: id });
  await seen(alice, market, id);
  const book = await alice.getOrderBook(yes);
  const ours = [...market.bids, [low, micro(100)]];
  check.equal("book", [levels(book.bids), levels(book.asks)], [ours, market.asks]);
  const { hash } = book;
  check.equal("book: hash", await alice.getOrderBookHash({ ...book }), hash);
  const mirror = levels((await alice.getOrderBook(no)).asks);
  const mirrored = ours.map(([price, size]) => [micro(1) - price, size]);
  check.equal("the other token's book mirrors it", mirror, mirrored);
  const books = await alice.getOrderBooks([{ token_id: no }, { token_id: yes }]);
  check.equal("books", new Set(books.map((row) => row.asset_id)), new Set([yes, no]));
  const bought = micro((await alice.getPrice(yes, Side.BUY)).price);
  check.equal("price for a buyer is the best bid", bought, low);
  const sold = micro((await alice.getPrice(no, Side.SELL)).price);
  check.equal("price for a seller is the best ask", sold, micro(1) - low);
  check.equal("a resting order leaves the balance", await cash(alice), START);
  const gone = await alice.cancelOrder({ orderID: id });
  check.equal("canceled", [gone.canceled, gone.not_canceled], [[id], {}]);
  check.equal("status", (await alice.getOrder(id)).status, "CANCELED");
  check.equal("the level is gone", levels((await alice.getOrderBook(yes)).bids), market.bids);
  const again = await alice.cancelOrder({ orderID: id });
  const once = [again.canceled, Object.keys(again.not_canceled)];
  check.equal("canceled once only", once, [[], [id]]);
}

async function seen(alice, market, id) {
  const order = await alice.getOrder(id);
  check.fields("order", order, {
    id,
    status: "LIVE",
    owner: alice.creds.key,
    maker_address: addressOf(KEYS[0]),
    market: market.condition,
    asset_id: market.yes,
    side: "BUY",
    expiration: "0",
    order_type: "GTC",
    outcome: market.outcomes[0],
  });
  const amounts = [order.price, order.original_size, order.size_matched].map(micro);
  check.equal("order: amounts", amounts, [market.low, micro(100), 0n]);
  const open = await alice.getOpenOrders({ asset_id: market.yes });
  check.equal(
    "open orders",
    open.map((row) => row.id),
    [id],
  );
  const none = await alice.getOpenOrders({ asset_id: market.no });
  check.equal("none of another token", none, []);
}

export async function batches(alice, market) {
  const { yes, no, low, negRisk } = market;
  const wanted = [
    [yes, low, 10],
    [yes, FAR, 10],
    [no, FAR, 10],
    [yes, 990_000n, 1_000_000],
  ];
  const orders = [];
  for (const [tokenID, price, size] of wanted) {
    const what = { tokenID, price: number(price), size, side: Side.BUY };
    orders.push(await alice.createOrder(what));
  }
  const ids = orders.map((order) => orderHash(order, negRisk));
  const envelopes = orders.map((order) => ({ order, orderType: OrderType.GTC }));
  const answers = await alice.postOrders(envelopes);
  const told = answers.slice(0, 3).map((row) => [row.orderID, row.status]);
  const live = ids.slice(0, 3).map((id) => [id, "live"]);
  check.equal("a batch answers in order", told, live);
  const poor = answers[3].errorMsg;
  check.that("one is too dear", poor.includes("not enough balance / allowance"), answers[3]);
  const book = await alice.getOrderBook(yes);
  check.equal("the best bid is last", levels(book.bids).at(-1), [low, micro(10)]);
  check.equal("the worst one first", levels(book.bids)[0], [FAR, micro(10)]);
  check.equal("a no bid is the worst ask", levels(book.asks)[0], [micro(1) - FAR, micro(10)]);
  await prices(alice, market);
  check.equal("cancel by ids", (await alice.cancelOrders([ids[0]])).canceled, [ids[0]]);
  const byToken = await alice.cancelMarketOrders({ asset_id: no });
  check.equal("cancel by token", byToken.canceled, [ids[2]]);
  const byMarket = await alice.cancelMarketOrders({ market: market.condition });
  check.equal("cancel by market", byMarket.canceled, [ids[1]]);
  const last = await limit(alice, yes, Side.BUY, FAR, 20);
  check.equal("cancel all", (await alice.cancelAll()).canceled, [last.orderID]);
  check.equal("nothing is open", await alice.getOpenOrders(), []);
}

// The short questions, while our bid of `low` is the best.
async function prices(alice, { yes, no, low, ask }) {
  const middle = (low + ask) / 2n;
  check.equal("midpoint", micro((await alice.getMidpoint(yes)).mid), middle);
  check.equal("spread", micro((await alice.getSpread(yes)).spread), ask - low);
  const asked = [
    { token_id: yes, side: Side.BUY },
    { token_id: no, side: Side.SELL },
  ];
  const told = await alice.getPrices(asked);
  check.equal("prices", [micro(told[yes].BUY), micro(told[no].SELL)], [low, micro(1) - low]);
  check.equal("midpoints", micro((await alice.getMidpoints(asked))[no]), micro(1) - middle);
  check.equal("spreads", micro((await alice.getSpreads(asked))[no]), ask - low);
}

// An order that the venue takes note of and does not want: 200, and the reason.
async function declined(what, call, text) {
  const answer = await call();
  const told = [answer.success, answer.errorMsg.includes(text), answer.tradeIDs];
  check.equal(what, told, [false, true, []]);
}

export async function refusals(alice, bob, market) {
  const { yes, no, low } = market;
  const poor = "not enough balance / allowance";
  await declined("too dear", () => limit(alice, yes, Side.BUY, low, 2_000_000), poor);
  await declined("nothing to sell", () => limit(alice, yes, Side.SELL, 900_000n, 10), poor);
  await refused("too small", () => limit(alice, yes, Side.BUY, low, 1), "400");
  const what = { tokenID: yes, price: number(low), size: 100, side: Side.BUY };
  const order = await alice.createOrder(what);
  await refused("another's order", () => bob.postOrder(order, OrderType.GTC), "400");
  const changed = { ...order, makerAmount: String(BigInt(order.makerAmount) + 1_000_000n) };
  await refused("not what was signed", () => alice.postOrder(changed, OrderType.GTC), "400");
  await alice.postOrder(order, OrderType.GTC);
  await refused("the same order twice", () => alice.postOrder(order, OrderType.GTC), "400");
  const crossing = { tokenID: no, price: number(micro(1) - low), size: 100, side: Side.BUY };
  await declined(
    "a post-only that crosses",
    () => bob.createAndPostOrder(crossing, undefined, OrderType.GTC, true),
    "invalid post-only order: order crosses book",
  );
  const spend = (amount, price, orderType) => {
    const budget = { tokenID: no, amount, price, side: Side.BUY, orderType };
    return bob.createAndPostMarketOrder(budget, undefined, orderType);
  };
  await declined(
    "fill or kill",
    () => spend(300, number(micro(1) - low), OrderType.FOK),
    "order couldn't be fully filled. FOK orders are fully filled or killed.",
  );
  await declined(
    "nothing to match",
    () => spend(30, 0.05, OrderType.FAK),
    "no orders found to match with FAK order",
  );
  const soon = { ...what, expiration: Math.floor(Date.now() / 1000) + 20 };
  await declined(
    "an early expiry",
    () => alice.createAndPostOrder(soon, undefined, OrderType.GTD),
    "invalid expiration",
  );
  check.equal("refusals cost nothing", [await cash(alice), await cash(bob)], [START, START]);
  await alice.cancelAll();
}
