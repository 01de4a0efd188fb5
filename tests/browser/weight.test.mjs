// What a first visit weighs and how long it takes to the first ranking; both are printed.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { request } from 'node:http';
import { PAGE, close, eventually, open, setUp } from './common.mjs';

setUp();
const MAX_BYTES = 100000;
const MAX_CPU_MS = 3000; // Of the page itself: what else the machine does is not its fault.
const MAX_IDLE_MS = 100; // Of its clock, while it waits for nothing but that.

const get = (path, headers) => new Promise((resolve, reject) => {
  request(new URL(path, PAGE), { headers }, (answer) => {
    const chunks = [];
    answer.on('data', (c) => chunks.push(c)).on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(chunks) }));
  }).on('error', reject).end();
});

test('a first visit weighs less than 100 KB, fonts and map included', async (t) => {
  const page = await open();
  await page.evaluate(() => document.fonts.ready);
  const names = await eventually('six files at least', async () => {
    const all = await page.evaluate(() => performance.getEntriesByType('resource').map((e) => e.name)
      .filter((name) => !name.includes('/api/')));
    return all.length >= 6 && all;
  });
  await close(page);
  let total = 0;
  for (const name of [PAGE, ...names]) {
    const { body, headers } = await get(name, { 'Accept-Encoding': 'gzip' });
    total += body.length;
    t.diagnostic(`${String(body.length).padStart(7)}  ${headers['content-encoding'] ?? 'as it is'}  ${new URL(name).pathname}`);
  }
  t.diagnostic(`${total} bytes in all`);
  assert.ok(total < MAX_BYTES, `${total} bytes`);
});

test('who takes no gzip gets the same bytes plain; a known one is not sent again', async () => {
  const [small, plain] = [await get('app.js', { 'Accept-Encoding': 'gzip' }), await get('app.js', {})];
  assert.equal(small.headers['content-encoding'], 'gzip');
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.deepEqual(gunzipSync(small.body), plain.body);
  assert.notEqual(small.headers.etag, plain.headers.etag);
  assert.equal((await get('app.js', { 'Accept-Encoding': 'gzip', 'If-None-Match': small.headers.etag })).body.length, 0);
});

test('the first ranking is there soon', async (t) => {
  const times = [];
  const used = [];
  for (let i = 0; i < 5; i++) {
    let tools;
    const page = await open('', {}, async (p) => {
      tools = await p.context().newCDPSession(p);
      await tools.send('Performance.setTimeDomain', { timeDomain: 'threadTicks' });
      await tools.send('Performance.enable');
      await p.addInitScript(() => new MutationObserver((_, watcher) => {
        if (document.querySelector('#ranking tbody tr')) {
          window.firstRanking = performance.now();
          watcher.disconnect();
        }
      }).observe(document, { childList: true, subtree: true }));
    });
    times.push(Math.round(await page.evaluate(() => window.firstRanking)));
    const { metrics } = await tools.send('Performance.getMetrics');
    used.push(Math.round(1000 * metrics.find((m) => m.name === 'TaskDuration').value));
    await close(page);
  }
  const median = (all) => [...all].sort((a, b) => a - b)[2];
  t.diagnostic(`time to first ranking: median ${median(times)} ms of ${times.join(', ')}; `
    + `of the processor ${median(used)} ms of ${used.join(', ')}`);
  assert.ok(median(used) > 0 && median(used) < MAX_CPU_MS, `${used}`);
});

test('before the first ranking nothing waits but for an answer', async () => {
  let idle = 0;
  const page = await open('', {}, async (p) => {
    await p.clock.install();
    await p.clock.pauseAt(new Date(Date.now() + 60000));
  }, async (p) => eventually('the first ranking', async () => {
    const [there, waits] = await p.evaluate(() =>
      [document.querySelector('#ranking tbody tr') !== null, document.readyState === 'complete' && !window.underWay]);
    if (!there && waits) { // Only its own clock can bring it on.
      idle += 10;
      assert.ok(idle <= MAX_IDLE_MS, 'it waits for a time to pass');
      await p.clock.runFor(10);
    }
    return there;
  }));
  await close(page);
});
