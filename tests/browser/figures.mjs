// Answers of /stats that would take an hour, or a bad day, to come by.

export function full_hour() {
  const now = Math.floor(Date.now() / 1000),
    first = 60 * (Math.floor(now / 60) - 59);
  const minutes = [...Array(60).keys()]
    .map((i) => ({
      timestamp: first + 60 * i,
      hit: Math.round(45 + 30 * Math.sin(i / 7) + ((i * 37) % 13)),
      stale: i % 5 ? 0 : 6,
      miss: (i * 7) % 9,
      pass: 3,
      ...(i > 20 && i < 30 ? { bulk: 28, collapsed: 4 } : {}),
      ...(i > 44 && i < 50 ? { limited: 12 } : {}),
      ...(i === 33 ? { error: 4 } : {}),
    }))
    .filter((_, i) => i < 12 || i > 14);
  const last_hour = {};
  for (const { timestamp, ...outcomes } of minutes)
    for (const [word, n] of Object.entries(outcomes)) last_hour[word] = (last_hour[word] ?? 0) + n;
  return {
    version: "0.1.0",
    mode: "online",
    started_timestamp: now - 11000,
    now_timestamp: now,
    headline: "1,204 of 10,000 · lasts all day · etl 61 %, agent 22 % · 8,123 answered without Gong",
    budget: {
      daily: 10000,
      spent: 1204,
      left: 8796,
      rate: 3,
      burst: 3,
      day: "sliding",
      ration: "plenty",
      exhausted_timestamp: null,
      paused_until_timestamp: null,
      ledger_durable: true,
      ledger_ours: true,
      wait_seconds: 5.2,
      queue: { interactive: 3, background: 12 },
      spent_by_tool: { etl: 734, agent: 265, warm: 202, "crm-sync": 3 },
    },
    upstream: {
      url: "https://us-12345.api.gong.io",
      up: true,
      requests: 1204,
      ratelimit_remaining: "8796",
      flights: 2,
      by_status: { 200: 1190, 404: 13, 429: 1, none: 2 },
      by_kind: {
        lookup: { requests: 1011, p50_seconds: 0.182, p99_seconds: 1.4 },
        bulk: { requests: 83, p50_seconds: 0.61, p99_seconds: 2.23 },
        pass: { requests: 110, p50_seconds: 0.3, p99_seconds: null },
      },
    },
    requests: {
      total: last_hour,
      last_hour,
      last_hour_by_minute: minutes,
      by_tool: {
        etl: { hit: 8123, miss: 702, bulk: 900 },
        agent: { hit: 700, miss: 265, pass: 40 },
        warm: { pass: 202 },
        "crm-sync": { hit: 40, miss: 3 },
        "python-requests/2.31.0 with a very long name #5f0c": { hit: 12 },
      },
    },
    cache: {
      entries: { memory: 10234, disk: 48211 },
      bytes: { memory: 24e6, disk: 71e6 },
      memory_max: 134217728,
      disk_max: 1073741824,
      writable: true,
    },
    bulk: { batches: 83, calls: 4100, fallbacks: 2, checks: 1, differences: 0, api_calls_saved: 4017 },
    duplicate_fetches: 212,
    hints: [
      "2 credentials fetched the same 212 calls today; credentials.share=company would have saved those API calls",
    ],
    recent_errors: [
      { timestamp: now - 300, text: "Gong answered 503 to a lookup", count: 4 },
      { timestamp: now - 4000, text: "the connection was lost before an answer", count: 1 },
    ],
  };
}

export function spent_day() {
  const stats = full_hour(),
    now = stats.now_timestamp;
  stats.headline = "10,000 of 10,000 · all spent · etl 61 %, agent 22 % · 8,123 answered without Gong · Gong is down";
  Object.assign(stats.budget, {
    spent: 10000,
    left: 0,
    ration: "spent",
    exhausted_timestamp: now,
    paused_until_timestamp: now + 3000,
    ledger_durable: false,
  });
  stats.upstream.up = false;
  stats.cache.writable = false;
  return stats;
}
