"""kalshi-python-sync against `dutchbook venue kalshi`."""

import time

from kalshi_desk import KEYS, QUIET, START, cash, check, client_of, desks, refused
from kalshi_fills import filled, strangers
from kalshi_orders import batches, groups, resting
from kalshi_streams import kept_book, streams


def pages(call, name, **more):
    found, cursor = [], None
    while cursor != "":
        page = call(limit=2, cursor=cursor, **more)
        found += getattr(page, name)
        cursor = page.cursor
    return found


def reads(client):
    status = client.get_exchange_status()
    check.fields("status", status, {"exchange_active": True, "trading_active": True})
    hours = client.get_exchange_schedule().schedule.standard_hours
    check.that("schedule", hours, "no hours")
    fresh = client.get_user_data_timestamp().as_of_time
    check.that("user data are fresh", abs(fresh.timestamp() - time.time()) < 10, fresh)
    series = [row.ticker for row in client.get_series_list().series]
    check.that("series are listed", series, "none")
    check.equal("one series", client.get_series(series[0]).series.ticker, series[0])
    changes = client.get_series_fee_changes().series_fee_change_arr
    check.that("fee changes are of the list", {c.series_ticker for c in changes} <= set(series), "")
    markets = pages(client.get_markets, "markets")
    tickers = [market.ticker for market in markets]
    once = len(tickers) >= 3 and len(set(tickers)) == len(tickers)
    check.that("markets are listed once", once, tickers)
    events = pages(client.get_events, "events", with_nested_markets=True)
    nested = [market.ticker for event in events for market in event.markets]
    check.equal("events nest every market", sorted(nested), sorted(tickers))
    check.that("every event has a series", {e.series_ticker for e in events} <= set(series), events)
    event = client.get_event(events[0].event_ticker)
    check.equal("one event", event.event.event_ticker, events[0].event_ticker)
    wanted = [market.ticker for market in events[0].markets]
    check.equal("and its markets", [market.ticker for market in event.markets], wanted)
    market = client.get_market(tickers[0]).market
    wanted = {key: getattr(markets[0], key) for key in ("ticker", "status", "rules_primary")}
    check.fields("one market", market, wanted)
    named = client.get_markets(tickers=",".join(tickers[:2])).markets
    check.equal("markets by name", {row.ticker for row in named}, set(tickers[:2]))
    opened = client.get_markets(status="open", mve_filter="exclude").markets
    active = opened and all(row.status == "active" for row in opened)
    check.that("open ones are active", active, opened)
    books = client.get_market_orderbooks(tickers[:3]).orderbooks
    check.equal("books by name", [book.ticker for book in books], tickers[:3])
    refused("an unknown market", lambda: client.get_market("NOSUCH-1"), 404, "not_found")
    refused("a limit too high", lambda: client.get_markets(limit=1001), 400)
    public = client_of(QUIET)
    check.equal("public reads need no key", public.get_market(tickers[0]).market.ticker, tickers[0])
    refused("private ones do", public.get_balance, 401)


def account(alice, bob):
    balance = alice.get_balance()
    told = [balance.balance_dollars, balance.balance]
    check.equal("balance", told, ["10000.0000", 1_000_000])
    check.equal("Ed25519 is as good", cash(bob), START)
    limits = alice.get_account_api_limits()
    sane = limits.read.refill_rate > 0 and limits.write.bucket_capacity > 0
    check.that("limits", sane, limits)
    check.equal("default cost", alice.get_account_endpoint_costs().default_cost, 10)
    check.equal("nothing held", alice.get_positions().market_positions, [])
    check.equal("nothing settled", alice.get_settlements().settlements, [])
    check.equal("no fills", alice.get_fills().fills, [])
    (first, path), (_, other) = (key.split("=", 1) for key in KEYS[:2])
    stranger = client_of(QUIET, f"00000000-0000-4000-8000-000000000000={path}")
    bad = "authentication_error"
    refused("an unknown key", stranger.get_balance, 401, bad, "NOT_FOUND")
    mixed = client_of(QUIET, f"{first}={other}")
    wrong = "INCORRECT_API_KEY_SIGNATURE"
    refused("another's signature", mixed.get_balance, 401, bad, wrong)
    now, time.time = time.time, lambda: now() - 60
    try:
        refused("a stale stamp", alice.get_balance, 401, "header_timestamp_expired")
    finally:
        time.time = now


def main():
    alice, bob = (client_of(QUIET, key) for key in KEYS[:2])
    with check.part("reads"):
        reads(alice)
    with check.part("account"):
        account(alice, bob)
    found = desks(alice)
    check.that("two markets with room between the quotes", len(found) >= 2, len(found))
    with check.part("an order's life"):
        resting(alice, bob, found[0])
    with check.part("batches"):
        batches(alice, found[0])
    with check.part("fills"):
        filled(alice, bob, found[0])
    with check.part("groups"):
        groups(alice, found[0])
    with check.part("streams"):
        streams(alice, bob, found[1])
    with check.part("strangers"):
        kept_book(*strangers())
    check.finish()


if __name__ == "__main__":
    main()
