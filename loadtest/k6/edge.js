// The edge that the scenarios ask, by default the one of `make run EXAMPLE=load`, and how a scenario ends.
//
//   EDGE_ADDRESS     where the edge is; 127.0.0.1
//   EDGE_HTTP_PORT   8080
//   EDGE_HTTPS_PORT  8443
//   EDGE_HOST        the host that serves the echo backend; load.example.test
//   SECONDS          how long a scenario lasts; each has its own default
//   RATE             requests per second, where a scenario has a rate
//   VUS              concurrent users, where it has users
//   RESULTS          a folder for one JSON file per scenario

const env = (name, otherwise) => __ENV[name] || otherwise;

export const address = env('EDGE_ADDRESS', '127.0.0.1');
export const host = env('EDGE_HOST', 'load.example.test');
export const number = (name, otherwise) => Number(env(name, otherwise));
export const seconds = (otherwise) => `${number('SECONDS', otherwise)}s`;

export const http = (path, to = host) => `http://${to}:${env('EDGE_HTTP_PORT', 8080)}${path}`;
export const https = (path, to = host) => `https://${to}:${env('EDGE_HTTPS_PORT', 8443)}${path}`;
export const ws = (path) => http(path).replace('http:', 'ws:');

// What every scenario has: names resolve to the edge, and the example's certificates need not be trusted.
export const options = (scenario, thresholds, more = {}) => ({
  hosts: Object.fromEntries([host, 'split.example.test', 'limited.example.test'].map((name) => [name, address])),
  insecureSkipTLSVerify: true,
  discardResponseBodies: true,
  noUsageReport: true,
  summaryTrendStats: ['min', 'med', 'avg', 'p(90)', 'p(99)', 'max'],
  thresholds,
  scenarios: { [scenario.name]: { gracefulStop: '5s', ...scenario.executor } },
  ...more,
});

// The same number of requests every second, whatever the edge does: a slow answer delays no later request, so that the
// latencies need no correction for coordinated omission.
export const arrivals = (rate, time) => ({
  executor: 'constant-arrival-rate',
  rate,
  timeUnit: '1s',
  duration: time,
  preAllocatedVUs: Math.max(20, Math.ceil(rate / 20)),
  maxVUs: Math.max(50, rate),
});

const trend = (metric) => {
  if (!metric) return '';
  const { med, 'p(99)': p99, max } = metric.values;
  return `p50 ${med.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${max.toFixed(1)} ms`;
};

const shown = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(3));

// One line for people, and the figures as JSON where RESULTS says so.
export const summary = (name) => (data) => {
  const { metrics } = data;
  const failed = Object.entries(metrics).flatMap(([metric, { thresholds = {} }]) =>
    Object.entries(thresholds).filter(([, { ok }]) => !ok).map(([limit]) => `${metric} ${limit}`));
  const count = metrics.http_reqs ? metrics.http_reqs.values.count : 0;
  const rate = metrics.http_reqs ? metrics.http_reqs.values.rate : 0;
  const verdict = failed.length ? `FAILED: ${failed.join('; ')}` : 'ok';
  const own = Object.entries(metrics).filter(([metric]) => metric.startsWith('edge_')).map(([metric, { values, type }]) =>
    `${metric.slice(5)} ${type === 'trend' ? trend({ values }) : shown(type === 'counter' ? values.count : values.rate)}`);
  const line = [`${count} requests`, `${rate.toFixed(0)}/s`, trend(metrics.http_req_duration), ...own].filter(Boolean).join(', ');
  const files = { stdout: `${name.padEnd(16)} ${verdict.padEnd(4)} ${line}\n` };
  if (__ENV.RESULTS) {
    const text = (value) => value.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
    files[`${__ENV.RESULTS}/${name}.json`] = JSON.stringify({ name, verdict, line, metrics }, null, 1);
    files[`${__ENV.RESULTS}/${name}.row`] = `<tr class="${failed.length ? 'failed' : 'ok'}"><td>${name}</td><td>${text(verdict)}</td>`
      + `<td>${line.split(', ').map(text).join('</td><td>')}</td></tr>\n`;
  }
  return files;
};
