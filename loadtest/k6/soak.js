// A steady mix for as long as SECONDS says (an hour: SECONDS=3600): small and large answers, uploads, slow ones, both ports.
import { check } from 'k6';
import client from 'k6/http';
import * as edge from './edge.js';

const upload = 'x'.repeat(64 * 1024);

export const options = edge.options(
  { name: 'soak', executor: edge.arrivals(edge.number('RATE', 100), edge.seconds(20)) },
  { checks: ['rate==1'], http_req_failed: ['rate==0'] },
);

const kinds = [
  () => client.get(edge.http('/')),
  () => client.get(edge.https('/')),
  () => client.get(edge.https('/?size=102400')),
  () => client.post(edge.http('/upload'), upload),
  () => client.get(edge.http('/?delay_ms=200')),
  () => client.get(edge.http('/?chunks=10&size=1000&chunk_delay_ms=10')),
];

export default function () {
  const answer = kinds[Math.floor(Math.random() * kinds.length)]();
  check(answer, { 'is 200': ({ status }) => status === 200 });
}

export const handleSummary = edge.summary('soak');
