// Orders that do not trade: placed, looked at, refused, changed, canceled; batches, groups.

import { randomUUID } from "node:crypto";
import { micro } from "./checks.mjs";
import { body, bookOf, check, dollars, order, place, refused, restingOf } from "./kalshi_desk.mjs";

const REST = "good_till_canceled";

export async function resting(alice, bob, desk) {
  const { ticker, low, high } = desk;
  const mine = randomUUID();
  const placed = await place(alice, ticker, "bid", low, 10, REST, { client_order_id: mine });
  const id = placed.order_id;
  const wanted = { client_order_id: mine, fill_count: "0.00", remaining_count: "10.00" };
  check.fields("placed", placed, wanted);
  check.fields("order", (await body(alice.orders.getOrder(id))).order, {
    order_id: id,
    client_order_id: mine,
    ticker,
    outcome_side: "yes",
    book_side: "bid",
    status: "resting",
    yes_price_dollars: dollars(low),
    no_price_dollars: dollars(micro(1) - low),
    initial_count_fp: "10.00",
    remaining_count_fp: "10.00",
  });
  const rows = await restingOf(alice, ticker);
  check.equal(
    "resting orders",
    rows.map((row) => row.order_id),
    [id],
  );
  check.equal("not another's", await restingOf(bob, ticker), []);
  const ours = [...desk.bids, [dollars(low), "10.00"]];
  const book = await bookOf(alice, ticker);
  check.equal("book", book, { yes_dollars: ours, no_dollars: desk.nos });
  const queue = await body(alice.orders.getOrderQueuePosition(id));
  check.equal("first in the queue", micro(queue.queue_position_fp), 0n);
  await refusals(alice, bob, desk, mine);
  const less = await body(alice.orders.decreaseOrderV2(id, { reduce_to: "6.00" }));
  check.fields("decreased", less, { order_id: id, remaining_count: "6.00" });
  const change = { ticker, side: "bid", price: dollars(high), count: "8.00" };
  const moved = await body(alice.orders.amendOrderV2(id, change));
  check.fields("amended", moved, { order_id: id, remaining_count: "8.00" });
  const top = (await bookOf(alice, ticker)).yes_dollars;
  check.equal("book after it", top, [...desk.bids, [dollars(high), "8.00"]]);
  const gone = await body(alice.orders.cancelOrderV2(id));
  check.fields("canceled", gone, { order_id: id, reduced_by: "8.00" });
  await refused("canceled once only", () => alice.orders.cancelOrderV2(id), "404", "not_found");
  await place(bob, ticker, "ask", "0.9800", 1);
  check.equal("cancel all has no body", (await bob.orders.cancelAllOrders()).status, 204);
  const after = await bookOf(alice, ticker);
  check.equal("the book is as before", after, { yes_dollars: desk.bids, no_dollars: desk.nos });
}

async function refusals(alice, bob, { ticker, low }, mine) {
  const bid = (price, count = 1, more = {}) => {
    return () => place(alice, ticker, "bid", price, count, REST, more);
  };
  const again = bid("0.0200", 1, { client_order_id: mine });
  await refused("the same client id", again, "409", "order_already_exists");
  await refused("off the grid", bid("0.0205"), "400", "invalid_price");
  await refused("too dear", bid(low, 1_000_000), "400", "insufficient_balance");
  const crossing = () => place(bob, ticker, "ask", low, 1, REST, { post_only: true });
  await refused("post only", crossing, "400", "invalid_order", "post only cross");
  const number = { ...order(ticker, "bid", low, 1), count: 1 };
  await refused(
    "a count that is a number",
    () => alice.orders.createOrderV2(number),
    "400",
    "bad_request",
  );
}

export async function batches(alice, { ticker }) {
  const orders = [
    order(ticker, "bid", "0.0200", 1),
    order(ticker, "bid", "0.0205", 1),
    order(ticker, "ask", "0.9800", 2),
  ];
  const made = await alice.orders.batchCreateOrdersV2({ orders });
  check.equal("a batch is created", made.status, 201);
  const legs = made.data.orders;
  const rests = [legs[0], legs[2]].map((leg) => [leg.client_order_id, leg.remaining_count]);
  const wanted = [
    [orders[0].client_order_id, "1.00"],
    [orders[2].client_order_id, "2.00"],
  ];
  check.equal("what rests", rests, wanted);
  const failed = [legs[1].order_id, legs[1].error.code];
  check.equal("what does not", failed, [undefined, "invalid_price"]);
  const ids = [legs[0].order_id, randomUUID(), legs[2].order_id];
  const request = { orders: ids.map((order_id) => ({ order_id })) };
  const gone = (await body(alice.orders.batchCancelOrdersV2(request))).orders;
  const reduced = gone.map((leg) => [leg.order_id, leg.reduced_by, leg.error?.code]);
  check.equal("cancels in order", reduced, [
    [ids[0], "1.00", undefined],
    [ids[1], "0.00", "not_found"],
    [ids[2], "2.00", undefined],
  ]);
}

export async function groups(alice, { ticker }) {
  const made = await alice.groups.createOrderGroup({ contracts_limit: 5 });
  check.equal("a group is created", made.status, 201);
  const group = made.data.order_group_id;
  const grouped = () => place(alice, ticker, "bid", "0.0200", 2, REST, { order_group_id: group });
  const placed = await grouped();
  const one = await body(alice.groups.getOrderGroup(group));
  check.equal("its orders", one.orders, [placed.order_id]);
  await alice.groups.triggerOrderGroup(group);
  const seen = (await body(alice.orders.getOrder(placed.order_id))).order;
  check.equal("triggered: canceled", seen.status, "canceled");
  await alice.groups.resetOrderGroup(group);
  check.equal("reset: rests", (await grouped()).remaining_count, "2.00");
  await alice.groups.deleteOrderGroup(group);
  const left = (await body(alice.groups.getOrderGroups())).order_groups ?? [];
  check.equal("deleted", left, []);
  await alice.orders.cancelAllOrders();
}
