// A trader's desk at a simulated Polymarket: clients, markets, balances, prices between the quotes.

import {
  ApiError,
  AssetType,
  ClobClient,
  Side,
  getContractConfig,
} from "@polymarket/clob-client-v2";
import { createWalletClient, hashTypedData, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { Checks, eventually, micro, polymarketFee } from "./checks.mjs";

export const QUIET = process.env.POLYMARKET_QUIET; // nobody else trades
export const CALM = process.env.POLYMARKET_CALM; // others do
export const KEYS = process.env.POLYMARKET_KEYS.split(",");
export const START = micro(100_000);
export const CHAIN = 137;
export const check = new Checks("@polymarket/clob-client-v2");

const told = (error) => `${error instanceof ApiError ? error.status : "?"} ${error.message}`;
export const refused = (what, call, ...parts) => check.refused(what, call, told, ...parts);

export function bare(host, key, more = {}) {
  const account = privateKeyToAccount(key);
  const signer = createWalletClient({ account, transport: http(host) });
  return new ClobClient({ host, chain: CHAIN, signer, throwOnError: true, ...more });
}

export async function clientOf(host, key, more = {}) {
  // Without throwOnError a refused creation lets the client derive, as its own default does.
  const creds = await bare(host, key, { throwOnError: false }).createOrDeriveApiKey();
  return bare(host, key, { creds, ...more });
}

export async function pages(call) {
  const rows = [];
  for (let cursor = "MA=="; cursor !== "LTE=";) {
    const page = await call(cursor);
    check.equal("a page counts its rows", page.count, page.data.length);
    rows.push(...page.data);
    cursor = page.next_cursor;
  }
  return rows;
}

const balance = async (client, params) =>
  BigInt((await client.getBalanceAllowance(params)).balance);
export const cash = (client) => balance(client, { asset_type: AssetType.COLLATERAL });
export const shares = (client, token) =>
  balance(client, { asset_type: AssetType.CONDITIONAL, token_id: token });
export const levels = (side) => side.map(({ price, size }) => [micro(price), micro(size)]);
export const addressOf = (key) => privateKeyToAccount(key).address;
export const number = (amount) => Number(amount) / 1e6; // the client takes binary floats

export const limit = (client, tokenID, side, price, size) =>
  client.createAndPostOrder({ tokenID, side, price: number(price), size });

const ORDER = [
  ["uint256", "salt"],
  ["address", "maker"],
  ["address", "signer"],
  ["uint256", "tokenId"],
  ["uint256", "makerAmount"],
  ["uint256", "takerAmount"],
  ["uint8", "side"],
  ["uint8", "signatureType"],
  ["uint256", "timestamp"],
  ["bytes32", "metadata"],
  ["bytes32", "builder"],
].map(([type, name]) => ({ type, name }));

// The id that the venue must give: the hash of what was signed.
export function orderHash(order, negRisk) {
  const config = getContractConfig(CHAIN);
  return hashTypedData({
    domain: {
      name: "Polymarket CTF Exchange",
      version: "2",
      chainId: CHAIN,
      verifyingContract: negRisk ? config.negRiskExchangeV2 : config.exchangeV2,
    },
    primaryType: "Order",
    types: { Order: ORDER },
    message: { ...order, side: order.side === Side.BUY ? 0 : 1 },
  });
}

export async function confirmed(client, id) {
  const done = (found) => found[0]?.status === "CONFIRMED";
  const rows = await eventually(() => client.getTrades({ id }), done, 8);
  const seen = rows.map((row) => [row.id, row.status]);
  check.equal("one trade has the id, and is confirmed", seen, [[id, "CONFIRMED"]]);
  const isHash = /^0x[0-9a-f]{64}$/i.test(rows[0].transaction_hash);
  check.that("it has a transaction", isHash, rows[0]);
  return rows[0];
}

// One market with the fee that its short form states. `low` and `high` are prices between the
// quotes that stand there: orders at these prices meet nobody but each other.
export async function marketOf(client, row) {
  const info = await client.getClobMarketInfo(row.condition_id);
  check.equal("the fee's exponent is one", info.fd?.e ?? 1, 1);
  const rate = micro(info.fd?.r ?? 0);
  const tick = micro(row.minimum_tick_size);
  const tokens = row.tokens.map((token) => token.token_id);
  const book = await client.getOrderBook(tokens[0]);
  const [bids, asks] = [levels(book.bids), levels(book.asks)];
  const bid = bids.at(-1)?.[0] ?? 400_000n;
  const ask = asks.at(-1)?.[0] ?? 600_000n;
  return {
    condition: row.condition_id,
    yes: tokens[0],
    no: tokens[1],
    tokens,
    outcomes: row.tokens.map((token) => token.outcome),
    negRisk: row.neg_risk,
    info,
    bids,
    asks,
    ask,
    low: bid + tick,
    high: bid + 2n * tick,
    isRoomy: ask - bid >= 3n * tick && bid > 40_000n && bid < 900_000n,
    fee: (size, price) => polymarketFee(size, price, rate),
  };
}

export async function tradable(client) {
  const rows = await pages((cursor) => client.getMarkets(cursor));
  return rows.filter((row) => row.active && !row.closed && row.accepting_orders);
}

export const inCents = (rows) => rows.filter((row) => micro(row.minimum_tick_size) === 10_000n);

// Markets in which two own orders can meet between the quotes: in cents, and neg-risk.
export async function roomy(client) {
  const rows = await tradable(client);
  const [plain, risky] = [[], []];
  for (const row of inCents(rows)) if (!row.neg_risk) plain.push(await marketOf(client, row));
  for (const row of rows) if (row.neg_risk) risky.push(await marketOf(client, row));
  return [plain, risky].map((kind) => kind.filter((market) => market.isRoomy));
}
