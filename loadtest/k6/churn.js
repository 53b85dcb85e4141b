// Requests while the configuration changes: `make loadtest` rewrites manifests beside it, among them the backend of the path
// /churn. Every request must be answered by one backend or the other.
import { check } from 'k6';
import client from 'k6/http';
import * as edge from './edge.js';

export const options = edge.options(
  { name: 'churn', executor: edge.arrivals(edge.number('RATE', 200), edge.seconds(15)) },
  { checks: ['rate==1'], http_req_failed: ['rate==0'] },
);

export default function () {
  check(client.get(edge.http('/churn')), { 'is 200': (answer) => answer.status === 200 });
}

export const handleSummary = edge.summary('churn');
