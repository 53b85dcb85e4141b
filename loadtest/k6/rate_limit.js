// A client that sends four times what a limit of 50 requests per second allows: about 50 pass each second, after a burst of
// 250 that the limit forgives a quiet client, and the others get 503.
import client from 'k6/http';
import { Counter } from 'k6/metrics';
import * as edge from './edge.js';

const limit = 50;
const burst = limit * 5 + 1;
const time = edge.number('SECONDS', 10);
const allowed = new Counter('edge_allowed');
const refused = new Counter('edge_refused');
const odd = new Counter('edge_odd');
const expected = burst + limit * time;

export const options = edge.options(
  { name: 'rate_limit', executor: edge.arrivals(limit * 4, `${time}s`) },
  {
    edge_allowed: [`count>${expected * 0.9}`, `count<${expected * 1.1}`],
    edge_refused: ['count>0'],
    edge_odd: ['count==0'],
  },
);

export default function () {
  const { status } = client.get(edge.http('/', 'limited.example.test'));
  allowed.add(status === 200);
  refused.add(status === 503);
  odd.add(status !== 200 && status !== 503);
}

export const handleSummary = edge.summary('rate_limit');
