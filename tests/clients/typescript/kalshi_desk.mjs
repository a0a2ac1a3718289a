// A trader's desk at a simulated Kalshi: clients, orders, balances, prices between the quotes.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import axios from "axios";
import kalshi from "kalshi-typescript";
import { Checks, KalshiFees, micro } from "./checks.mjs";

export const QUIET = process.env.KALSHI_QUIET; // nobody else trades
export const CALM = process.env.KALSHI_CALM; // others do
export const KEYS = process.env.KALSHI_KEYS.split(","); // id=path of a private key, RSA
export const CENT = 10_000n;
export const check = new Checks("kalshi-typescript");

function told(error) {
  const { status, data } = error.response ?? {};
  return `${status} ${data === undefined ? error.message : JSON.stringify(data)}`;
}
export const refused = (what, call, ...parts) => check.refused(what, call, told, ...parts);

export function identity(key) {
  const cut = key.indexOf("=");
  return { apiKey: key.slice(0, cut), privateKeyPem: readFileSync(key.slice(cut + 1), "utf8") };
}

// Every API object of one identity on an axios of its own: they sign by interceptors.
export function clientOf(host, key) {
  const basePath = `${host}/trade-api/v2`;
  const owner = key === undefined ? {} : identity(key);
  const configuration = new kalshi.Configuration({ ...owner, basePath });
  const own = axios.create();
  const api = (name) => new kalshi[name](configuration, basePath, own);
  return {
    orders: api("OrdersApi"),
    portfolio: api("PortfolioApi"),
    market: api("MarketApi"),
    events: api("EventsApi"),
    exchange: api("ExchangeApi"),
    account: api("AccountApi"),
    groups: api("OrderGroupsApi"),
  };
}

export const body = async (call) => (await call).data;
export const dollars = (price) => (Number(price) / 1e6).toFixed(4);

export const order = (ticker, side, price, count, tif = "good_till_canceled", more = {}) => ({
  ticker,
  client_order_id: randomUUID(),
  side,
  count: typeof count === "number" ? count.toFixed(2) : count,
  price: typeof price === "bigint" ? dollars(price) : price,
  time_in_force: tif,
  self_trade_prevention_type: "taker_at_cross",
  ...more,
});

export const place = (client, ...what) => body(client.orders.createOrderV2(order(...what)));
export const cash = async (client) =>
  micro((await body(client.portfolio.getBalance())).balance_dollars);
export const bookOf = async (client, ticker) =>
  (await body(client.market.getMarketOrderbook(ticker))).orderbook_fp;

export async function positionOf(client, ticker) {
  const none = Array(3).fill(undefined); // cursor, limit, count_filter
  return (await body(client.portfolio.getPositions(...none, ticker))).market_positions[0];
}

export async function restingOf(client, ticker) {
  const none = Array(3).fill(undefined); // event_ticker, min_ts, max_ts
  return (await body(client.orders.getOrders(ticker, ...none, "resting"))).orders;
}

export async function openMarkets(client) {
  const none = Array(10).fill(undefined); // cursor to max_settled_ts
  const { markets } = await body(client.market.getMarkets(1000, ...none, "open"));
  return markets.filter((row) => row.price_ranges.every((grid) => micro(grid.step) === CENT));
}

// One market, and prices at which own orders meet nobody but each other.
async function deskOf(client, { ticker, event_ticker: event }) {
  const { series_ticker: parent } = (await body(client.events.getEvent(event))).event;
  const { series } = await body(client.market.getSeries(parent));
  const book = await bookOf(client, ticker);
  const bid = micro(book.yes_dollars.at(-1)?.[0] ?? "0.4");
  const ask = micro(1) - micro(book.no_dollars.at(-1)?.[0] ?? "0.4");
  return {
    ticker,
    event,
    bids: book.yes_dollars,
    nos: book.no_dollars,
    low: bid + CENT,
    high: bid + 2n * CENT,
    isRoomy: ask - bid >= 3n * CENT && bid > 40_000n && bid < 900_000n,
    // What one order pays for its fills, in their order.
    fee(buys, fills, isMaker = false) {
      const makers = {
        quadratic_with_maker_fees: "0.0175",
        quadratic_with_combo_maker_fees: "0.035",
      };
      const rate = isMaker ? (makers[series.fee_type] ?? "0") : "0.07";
      const fees = new KalshiFees(series.fee_multiplier, rate);
      return fills.reduce((sum, [count, price]) => sum + fees.fill(buys, micro(count), price), 0n);
    },
  };
}

export async function desks(client) {
  const found = [];
  for (const market of await openMarkets(client)) found.push(await deskOf(client, market));
  return found.filter((desk) => desk.isRoomy);
}
