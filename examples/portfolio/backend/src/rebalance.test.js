import assert from "node:assert/strict";
import { test } from "node:test";

import { drift, isDue, trades } from "./rebalance.js";

const prices = { XLM: 0.25, USDC: 1, BTC: 60000 };

function portfolio(changes = {}) {
  return {
    allocations: { XLM: 40, USDC: 35, BTC: 25 },
    threshold: 5,
    balances: { XLM: "16000", USDC: "3500", BTC: "0.0416666667" },
    ...changes,
  };
}

const rounded = (list) => list.map((trade) => ({ ...trade, value: Math.round(trade.value) }));

test("a portfolio on its targets has nothing to trade", () => {
  assert.equal(isDue(portfolio(), prices), false);
  assert.deepEqual(trades(portfolio(), prices), []);
});

test("drift is measured against the whole value", () => {
  const risen = drift(portfolio(), { ...prices, XLM: 0.5 });
  assert.equal(risen.get("XLM").toFixed(2), "17.14");
  assert.equal(risen.get("USDC").toFixed(2), "-10.00");
});

test("the threshold itself is due", () => {
  const balances = { XLM: "18000", USDC: "3000", BTC: "0.0416666667" };
  assert.equal(isDue(portfolio({ balances }), prices), true);
  assert.equal(isDue(portfolio({ balances, threshold: 5.1 }), prices), false);
});

test("trades lead back to the targets", () => {
  const balances = { XLM: "20000", USDC: "3500", BTC: "0.025" };
  assert.deepEqual(rounded(trades(portfolio({ balances }), prices)), [
    { sell: "XLM", buy: "BTC", value: 1000 },
  ]);
});

test("an asset that is not wanted any more is sold, one that is new is bought", () => {
  const allocations = { USDC: 50, BTC: 50 };
  const balances = { XLM: "40000" };
  assert.deepEqual(rounded(trades(portfolio({ allocations, balances }), prices)), [
    { sell: "XLM", buy: "BTC", value: 5000 },
    { sell: "XLM", buy: "USDC", value: 5000 },
  ]);
});

test("an empty portfolio stays as it is", () => {
  assert.deepEqual(trades(portfolio({ balances: {} }), prices), []);
});

test("a missing price and wrong targets are errors", () => {
  assert.throws(() => isDue(portfolio(), { XLM: 0.25, USDC: 1 }), /no price for BTC/);
  assert.throws(
    () => isDue(portfolio({ allocations: { XLM: 40, USDC: 35 } }), prices),
    /add up to 75, not to 100/,
  );
});
