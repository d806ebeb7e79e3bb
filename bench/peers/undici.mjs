// undici with its RetryAgent, on Node.js.
//   node undici.mjs ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-
// QUEUED more requests than may be in flight are given to undici, which keeps them waiting.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Agent, RetryAgent } from 'undici';

if (process.argv.length !== 8) {
  console.error('usage: undici.mjs ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-');
  process.exit(2);
}
const [endpoint, , , , http, caFile] = process.argv.slice(2);
const [count, inFlight, queued] = process.argv.slice(3, 6).map(Number);
const { origin, pathname } = new URL(endpoint);

// Over HTTP/2 all streams share a connection; over HTTP/1.1 nothing is pipelined.
const agent = new RetryAgent(
  new Agent({
    ...(http === '2'
      ? { connections: 1, pipelining: inFlight, allowH2: true }
      : { connections: inFlight, pipelining: 1, allowH2: false }),
    ...(queued > 0 ? { headersTimeout: 0 } : {}),
    connect: caFile === '-' ? {} : { ca: readFileSync(caFile) },
  }),
  { maxRetries: 20 },
);
const headers = {
  authorization: 'Api-Key BENCH',
  accept: 'application/json',
  'content-type': 'application/json',
};
const body = JSON.stringify({ action: 'start', note: 'bench' });

let next = 0;
let left = count;
let started = 0;
let finish;
const finished = new Promise((resolve) => (finish = resolve));

async function one() {
  try {
    const path = `${pathname}/experiments/${++next}/start`;
    const reply = await agent.request({ origin, path, method: 'PUT', headers, body });
    const { ok } = await reply.body.json();
    if (reply.statusCode === 200 && ok === true) started++;
  } catch {
    // given up; not started
  }
  if (--left === 0) finish();
}

async function worker() {
  while (queued > 0 ? left > 0 : next < count) await one();
}

const before = process.memoryUsage.rss();
const queueBegan = performance.now();
const waiting = queued > 0 ? queued + inFlight : 0;
for (let i = 0; i < waiting; i++) worker();
const queueMs = performance.now() - queueBegan;
const queueBytes = process.memoryUsage.rss() - before;

// Time by the clock, for Node.js tells no CPU time of a turn; its timer looks every millisecond.
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const began = performance.now();
const cpuBegan = process.cpuUsage();
if (waiting === 0) for (let i = 0; i < inFlight; i++) worker();
await finished;
const wallMs = performance.now() - began;
const cpu = process.cpuUsage(cpuBegan);
delay.disable();
console.log(
  JSON.stringify({
    started: Math.min(started, count),
    wall_s: wallMs / 1e3,
    cpu_s: (cpu.user + cpu.system) / 1e6,
    turn_ms: Math.max(0, delay.max / 1e6 - 1),
    rss_kb: process.resourceUsage().maxRSS,
    queued: waiting,
    queue_bytes: queueBytes / (waiting || 1),
    submit_us: (queueMs * 1e3) / (waiting || 1),
  }),
);
process.exit(started >= count ? 0 : 1);
