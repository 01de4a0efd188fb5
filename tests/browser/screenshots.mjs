// node screenshots.mjs URL FOLDER: a picture of each view, as the README and docs/page.md show them;
// scripts/make-screenshots starts the services for it.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { launch } from './chromium.mjs';

const DESKTOP = { width: 1440, height: 1000 };
const PHONE = { width: 390, height: 844 };

const [url, folder] = process.argv.slice(2);
if (process.argv.length !== 4) {
  console.error('usage: node screenshots.mjs URL FOLDER');
  process.exit(2);
}

async function unitsOf(ranks) {
  const { units } = await (await fetch(new URL('api/v1/indexes/dvc-766/2025/ranking', url))).json();
  return ranks.map((rank) => units[rank - 1].code);
}

const [first, fifteenth, tenth] = await unitsOf([1, 15, 10]);
const SPARK = '#ranking tbody .sparkline';
const PICTURES = [
  ['ranking', '', SPARK],
  ['ranking-dark', '', SPARK, { colorScheme: 'dark' }],
  ['ranking-phone', '', '#ranking tbody tr', { viewport: PHONE }],
  ['ranking-english', '?lang=en&columns=pillars', '#ranking tbody tr'],
  ['unit', `?unit=${first}`, '#unit .chart .line', { viewport: { width: 1440, height: 1250 } }],
  ['indicator', `?unit=${first}&indicator=clgq&pillar=clgq`, '#i-clgq pre'],
  ['unit-phone', `?unit=${first}`, '#unit .chart .line', { viewport: PHONE }],
  ['changes', '?view=changes', '#changes tbody tr'],
  ['compare', `?view=compare&units=${first},${fifteenth},${tenth}`, '#compare .chart .line', { viewport: { width: 1440, height: 1250 } }],
  ['criteria', '?index=vl-province-2025&view=criteria&indicator=7.5', '#criteria pre'],
];

await mkdir(folder, { recursive: true });
const browser = await launch();
try {
  for (const [name, query, ready, options] of PICTURES) {
    const context = await browser.newContext({ viewport: DESKTOP, locale: 'vi-VN', reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    await page.goto(new URL(query, url).href);
    await page.locator(ready).first().waitFor({ timeout: 30000 });
    await page.locator('#state[data-state=live]').waitFor({ timeout: 30000 });
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await context.close();
    console.log(`${name}.png`);
  }
} finally {
  await browser.close();
}
