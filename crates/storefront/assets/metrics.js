// Reads the router's figures as they are told to a scraper, and what two readings say about the
// time between. Pure. Only the shop's own machine may read them; elsewhere the board goes without.

/** {requests, failures, count, seconds} summed over all routes of the API. */
export function reading(text) {
  const sum = { requests: 0, failures: 0, count: 0, seconds: 0 };
  for (const line of text.split("\n")) {
    const match = /^(seatgrid_http_\w+)\{(.*)\} (\S+)$/.exec(line);
    if (match === null || !match[2].includes('route="/api/')) continue;
    const [, name, labels, number] = match;
    const value = Number(number);
    if (name === "seatgrid_http_requests_total") {
      sum.requests += value;
      if (/status="5/.test(labels)) sum.failures += value;
    } else if (name === "seatgrid_http_request_seconds_sum") sum.seconds += value;
    else if (name === "seatgrid_http_request_seconds_count") sum.count += value;
  }
  return sum;
}

/** {perSecond, meanMs, failures} between two readings `seconds` apart. */
export function between(before, after, seconds) {
  const count = after.count - before.count;
  return {
    perSecond: Math.max(0, after.requests - before.requests) / seconds,
    meanMs: count > 0 ? ((after.seconds - before.seconds) / count) * 1000 : 0,
    failures: Math.max(0, after.failures - before.failures),
  };
}
