// Several requests at a time on HTTP/2 connections.
import { check } from 'k6';
import client from 'k6/http';
import * as edge from './edge.js';

export const options = edge.options(
  { name: 'http2', executor: { executor: 'constant-vus', vus: edge.number('VUS', 10), duration: edge.seconds(10) } },
  { checks: ['rate==1'], http_req_failed: ['rate==0'] },
);

export default function () {
  const answers = client.batch(Array.from({ length: 10 }, () => ['GET', edge.https('/')]));
  check(answers, { 'all over HTTP/2': (all) => all.every((answer) => answer.proto === 'HTTP/2.0' && answer.status === 200) });
}

export const handleSummary = edge.summary('http2');
