// Steps of requests per second up to RATE, each as long as the others: where does the latency turn?
import client from 'k6/http';
import * as edge from './edge.js';

const steps = 5;
const rate = edge.number('RATE', 2000);
const each = `${Math.max(1, Math.floor(edge.number('SECONDS', 15) / steps))}s`;

export const options = edge.options(
  {
    name: 'ramp',
    executor: {
      executor: 'ramping-arrival-rate',
      startRate: Math.ceil(rate / steps),
      timeUnit: '1s',
      preAllocatedVUs: Math.max(20, Math.ceil(rate / 20)),
      maxVUs: Math.max(50, rate),
      stages: Array.from({ length: steps }, (_, step) => ({ target: Math.ceil((rate * (step + 1)) / steps), duration: each })),
    },
  },
  { http_req_failed: ['rate==0'], dropped_iterations: ['rate<1'] },
);

export default function () {
  client.get(edge.http('/'));
}

export const handleSummary = edge.summary('ramp');
