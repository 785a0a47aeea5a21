// What a rebalance would do: pure arithmetic, no database.

/** Value of each asset that is held or wanted, in the quote currency. */
export function holdings(portfolio, prices) {
  const assets = new Set([
    ...Object.keys(portfolio.allocations),
    ...Object.keys(portfolio.balances),
  ]);
  return new Map(
    [...assets].sort().map((asset) => {
      const amount = Number(portfolio.balances[asset] ?? 0);
      if (amount > 0 && !(prices[asset] > 0)) {
        throw new Error(`no price for ${asset}`);
      }
      return [asset, amount === 0 ? 0 : amount * prices[asset]];
    }),
  );
}

/** How far each asset is off its target, in percentage points; positive: too much is held. */
export function drift(portfolio, prices) {
  const targets = Object.values(portfolio.allocations).reduce((sum, share) => sum + share, 0);
  if (Math.abs(targets - 100) > 1e-9) {
    throw new Error(`allocations add up to ${targets}, not to 100`);
  }
  const values = holdings(portfolio, prices);
  const total = [...values.values()].reduce((sum, value) => sum + value, 0);
  return new Map(
    [...values].map(([asset, value]) => [
      asset,
      total === 0 ? 0 : (value / total) * 100 - (portfolio.allocations[asset] ?? 0),
    ]),
  );
}

/** Whether an asset has drifted as far as the portfolio's threshold. */
export function isDue(portfolio, prices) {
  return [...drift(portfolio, prices).values()].some(
    (points) => Math.abs(points) >= portfolio.threshold,
  );
}

/** The trades, largest first, that bring every asset to its target: `value` is what changes hands. */
export function trades(portfolio, prices) {
  const total = [...holdings(portfolio, prices).values()].reduce((sum, value) => sum + value, 0);
  const off = [...drift(portfolio, prices)].map(([asset, points]) => ({
    asset,
    value: (points / 100) * total,
  }));
  const descending = (a, b) => b.value - a.value;
  const sellers = off.filter(({ value }) => value > 0).sort(descending);
  const buyers = off
    .filter(({ value }) => value < 0)
    .map(({ asset, value }) => ({ asset, value: -value }))
    .sort(descending);
  const made = [];
  while (sellers.length > 0 && buyers.length > 0) {
    const [seller, buyer] = [sellers[0], buyers[0]];
    const value = Math.min(seller.value, buyer.value);
    // Less than a cent is rounding, not a trade.
    if (value >= 0.01) {
      made.push({ sell: seller.asset, buy: buyer.asset, value });
    }
    seller.value -= value;
    buyer.value -= value;
    if (seller.value <= buyer.value) sellers.shift();
    else buyers.shift();
  }
  return made.sort(descending);
}
