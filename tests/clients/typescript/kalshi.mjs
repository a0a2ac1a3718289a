// kalshi-typescript against `dutchbook venue kalshi`.

import { KEYS, QUIET, body, cash, check, clientOf, desks, refused } from "./kalshi_desk.mjs";
import { micro } from "./checks.mjs";
import { filled, strangers } from "./kalshi_fills.mjs";
import { batches, groups, resting } from "./kalshi_orders.mjs";
import { streams } from "./kalshi_streams.mjs";

async function reads({ exchange, market: api, events: eventsApi }) {
  const status = await body(exchange.getExchangeStatus());
  check.fields("status", status, { exchange_active: true, trading_active: true });
  const { as_of_time: fresh } = await body(exchange.getUserDataTimestamp());
  const age = Math.abs(Date.parse(fresh) - Date.now());
  check.that("user data are fresh", age < 10_000, fresh);
  const { series } = await body(api.getSeriesList());
  const one = (await body(api.getSeries(series[0].ticker))).series;
  check.equal("one series", one, series[0]);
  const markets = [];
  for (let cursor; cursor !== "";) {
    const page = await body(api.getMarkets(3, cursor));
    check.that("a page is no longer than asked", page.markets.length <= 3, page.markets.length);
    markets.push(...page.markets);
    cursor = page.cursor;
  }
  const names = markets.map((row) => row.ticker);
  check.that("markets are listed once", new Set(names).size === names.length && names[2], names);
  const { events } = await body(eventsApi.getEvents(200, undefined, true));
  const nested = events.flatMap((row) => row.markets.map((market) => market.ticker));
  check.equal("events nest every market", nested.sort(), [...names].sort());
  const first = await body(eventsApi.getEvent(events[0].event_ticker));
  check.equal("one event", first.event.event_ticker, events[0].event_ticker);
  const { market } = await body(api.getMarket(names[0]));
  const { ticker, rules_primary } = markets[0];
  check.fields("one market", market, { ticker, rules_primary });
  const tickers = names.slice(0, 3);
  const { orderbooks } = await body(api.getMarketOrderbooks(tickers));
  check.equal(
    "books by name",
    orderbooks.map((row) => row.ticker),
    tickers,
  );
  await refused("an unknown market", () => api.getMarket("NOSUCH-1"), "404", "not_found");
  const open = clientOf(QUIET);
  const seen = (await body(open.market.getMarket(names[0]))).market.ticker;
  check.equal("public reads need no key", seen, names[0]);
  await refused("private ones do", () => open.portfolio.getBalance(), "401");
}

async function account(alice, bob) {
  const balance = await body(alice.portfolio.getBalance());
  check.fields("balance", balance, { balance: 1_000_000, balance_dollars: "10000.0000" });
  check.equal("the other's too", await cash(bob), micro(10_000));
  const limits = await body(alice.account.getAccountApiLimits());
  const sane = limits.read.refill_rate > 0 && limits.write.bucket_capacity > 0;
  check.that("limits", sane, limits);
  const costs = await body(alice.account.getAccountEndpointCosts());
  check.equal("default cost", costs.default_cost, 10);
  const positions = await body(alice.portfolio.getPositions());
  check.fields("nothing held", positions, { market_positions: [], event_positions: [] });
  const [[name], [, path]] = KEYS.map((key) => key.split("="));
  const mixed = clientOf(QUIET, `${name}=${path}`);
  const wrong = ["authentication_error", "INCORRECT_API_KEY_SIGNATURE"];
  await refused("another's signature", () => mixed.portfolio.getBalance(), "401", ...wrong);
}

const [alice, bob] = KEYS.map((key) => clientOf(QUIET, key));
await check.part("reads", () => reads(alice));
await check.part("account", () => account(alice, bob));
const [desk, other] = await desks(alice);
check.that("two markets with room between the quotes", other, desk);
await check.part("an order's life", () => resting(alice, bob, desk));
await check.part("batches", () => batches(alice, desk));
await check.part("fills", () => filled(alice, bob, desk));
await check.part("groups", () => groups(alice, desk));
await check.part("streams", () => streams(alice, bob, other));
await check.part("strangers", strangers);
check.finish();
