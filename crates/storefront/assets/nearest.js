// Which free seats come nearest to those that were lost: of the same price, and as near as can be
// to where the shopper wanted to sit. Pure.

/**
 * As many free seats as `lost` has, nearest first for each in turn; fewer where there are no more.
 * `isFree(seat)` says what is free, `taken` which seats are chosen already.
 */
export function nearestTo(plan, lost, isFree, taken) {
  const found = [];
  const used = new Set([...lost, ...taken]);
  for (const seat of lost) {
    let best;
    let bestAt = Infinity;
    for (const other of plan.drawn) {
      if (used.has(other) || !isFree(other) || plan.tier[other] !== plan.tier[seat]) continue;
      if (plan.accessible[other] !== plan.accessible[seat]) continue;
      const at = Math.hypot(plan.x[other] - plan.x[seat], plan.y[other] - plan.y[seat]);
      if (at < bestAt) [best, bestAt] = [other, at];
    }
    if (best === undefined) continue;
    used.add(best);
    found.push(best);
  }
  return found;
}
