// One user, both ports, every host: does the edge work at all?
import { check } from 'k6';
import client from 'k6/http';
import * as edge from './edge.js';

export const options = edge.options(
  { name: 'smoke', executor: { executor: 'constant-vus', vus: 1, duration: edge.seconds(3) } },
  { checks: ['rate==1'], http_req_failed: ['rate==0'] },
);

export default function () {
  const targets = [edge.http('/'), edge.https('/'), edge.http('/', 'split.example.test'), edge.http('/a/path?with=a&query=1')];
  for (const target of targets) {
    check(client.get(target), { 'is 200': (answer) => answer.status === 200 });
  }
}

export const handleSummary = edge.summary('smoke');
