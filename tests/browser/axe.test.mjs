// WCAG 2.2 AA as far as a program can tell: each view, in both themes, on a phone and a desktop.

import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { close, noOverflow, open, ranking, setUp } from './common.mjs';

setUp();
let axe;
before(async () => { axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'); });

async function check(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map((v) => `${where}: ${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(' ')}`), []);
}

/** Each view by its address, and what to wait for and to open in it. */
const views = (code, other) => [
  ['', '#ranking tbody tr', []],
  ['?columns=pillars&map=tttt', '#ranking tbody tr', []],
  ['?level=commune&lang=en', '#ranking tbody tr', []],
  [`?unit=${code}&indicator=ckmb`, '#unit .chart', ['.chart summary']],
  ['?index=vl-province-2025&view=criteria', '#criteria details', ['#open-all', '.notes summary']],
  ['?view=changes', '#changes table', []],
  ['?view=changes&since=2025-10-12', '#changes table', []],
  [`?view=compare&units=${code},${other}&detail=1`, '#compare .chart', ['.chart summary']],
  ['?view=compare', '#compare .empty', []],
];

for (const colorScheme of ['light', 'dark']) {
  for (const width of [1440, 390]) {
    describe(`${colorScheme}, ${width} px wide`, () => {
      test('axe finds nothing, and nothing overflows', async () => {
        const { units: [first, second] } = await ranking();
        for (const [query, ready, clicks] of views(first.code, second.code)) {
          const page = await open(query, { colorScheme, viewport: { width, height: 844 }, reducedMotion: 'reduce' });
          await page.locator('#state[data-state=live]').waitFor();
          await page.locator(ready).first().waitFor();
          for (const selector of clicks) {
            await page.locator(selector).first().click();
          }
          await check(page, query);
          await noOverflow(page);
          await close(page);
        }
      });
    });
  }
}
