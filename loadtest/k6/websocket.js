// Users that open a WebSocket, send messages and wait for the echo of each.
import { check } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import { WebSocket } from 'k6/websockets';
import * as edge from './edge.js';

const messages = 20;
const echo = new Trend('edge_echo', true);
const echoes = new Counter('edge_echoes');

export const options = edge.options(
  { name: 'websocket', executor: { executor: 'constant-vus', vus: edge.number('VUS', 20), duration: edge.seconds(10) } },
  { checks: ['rate==1'], edge_echoes: ['count>0'] },
);

export default function () {
  const socket = new WebSocket(edge.ws('/chat'));
  let received = 0;
  let sent = 0;
  const send = () => {
    sent = Date.now();
    socket.send(`message ${received}`);
  };
  socket.onopen = send;
  socket.onmessage = () => {
    echo.add(Date.now() - sent);
    echoes.add(1);
    received += 1;
    if (received < messages) send();
    else socket.close();
  };
  socket.onclose = () => check(received, { 'every message came back': (count) => count === messages });
}

export const handleSummary = edge.summary('websocket');
