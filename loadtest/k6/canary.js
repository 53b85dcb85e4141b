// Does a canary of 20 % get 20 %? Ingora's split is exact over time, so that the share may be off by little.
import client from 'k6/http';
import { Rate } from 'k6/metrics';
import * as edge from './edge.js';

const canary = new Rate('edge_canary_share');

export const options = edge.options(
  { name: 'canary', executor: edge.arrivals(edge.number('RATE', 200), edge.seconds(10)) },
  { http_req_failed: ['rate==0'], edge_canary_share: ['rate>0.17', 'rate<0.23'] },
  { discardResponseBodies: false },
);

export default function () {
  canary.add(client.get(edge.http('/', 'split.example.test')).json('name') === 'api');
}

export const handleSummary = edge.summary('canary');
