// A new connection and a full handshake for every request.
import client from 'k6/http';
import { Trend } from 'k6/metrics';
import * as edge from './edge.js';

const handshake = new Trend('edge_handshake', true);

export const options = edge.options(
  { name: 'tls_handshakes', executor: edge.arrivals(edge.number('RATE', 100), edge.seconds(10)) },
  { http_req_failed: ['rate==0'] },
  { noConnectionReuse: true, noVUConnectionReuse: true },
);

export default function () {
  handshake.add(client.get(edge.https('/')).timings.tls_handshaking);
}

export const handleSummary = edge.summary('tls_handshakes');
