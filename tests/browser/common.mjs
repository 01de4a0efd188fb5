// What the browser tests share: the running services, and pages that watch themselves.
//
//   CHISO_PAGE    the page's address, for example http://127.0.0.1:8080/
//   CHISO_REPLAY  the control of the replayed source (tests/replay), for example http://127.0.0.1:8099
//   CHISO_RIG     what kills and starts a service: POST /restart?service=publisher
//                 and steps the source: POST /step?to=next, answered when the API tells all of it
//
// The tests share one source that they step and block, so the files run one after the other.
// Expected values are computed here from the API's strings, not with the page's own code.

import { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { launch } from './chromium.mjs';

export const PAGE = base('CHISO_PAGE');
const REPLAY = base('CHISO_REPLAY');
export const WAIT_MS = 120000;
export const BOARD = { index: 'dvc-766', period: '2025', level: 'province' };
export const PHONE = { viewport: { width: 390, height: 844 } };

function base(name) {
  if (!process.env[name]) {
    throw new Error(`${name} is not set: see the head of common.mjs`);
  }
  return process.env[name].replace(/\/*$/, '/');
}

export async function api(path) {
  const response = await fetch(new URL(`api/v1/${path}`, PAGE));
  assert.equal(response.status, 200, path);
  return response.json();
}

const OF_BOARD = `indexes/${BOARD.index}/${BOARD.period}`;
export const ranking = (more = '') => api(`${OF_BOARD}/ranking?level=${BOARD.level}${more}`);
export const unitOf = (code, more = '') => api(`${OF_BOARD}/units/${code}${more}`);

export async function control(query) {
  const response = await fetch(new URL(`control?${query}`, REPLAY), { method: 'POST' });
  assert.ok(response.ok, `control?${query} answered ${response.status}`);
}

async function rig(what) {
  const response = await fetch(new URL(what, base('CHISO_RIG')), { method: 'POST' });
  assert.ok(response.ok, `${what} answered ${response.status}`);
}
export const restart = (service) => rig(`restart?service=${service}`);

/** The source has other figures, and nothing of it is still on its way to the API. */
export const step = (to = 'next') => rig(`step?to=${to}`);

/** Polls until `probe` gives something true, and returns it; says what it waited for when it does not. */
export async function eventually(what, probe, limit = WAIT_MS) {
  const end = Date.now() + limit;
  for (;;) {
    const seen = await probe();
    if (seen) {
      return seen;
    }
    assert.ok(Date.now() < end, `not within ${limit / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Repeats a check of the page against the API until it holds: either may be renewed in between. */
export async function settled(check, limit = WAIT_MS) {
  for (const end = Date.now() + limit; ;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

export const whenEqual = (what, probe) => {
  let last;
  return eventually(what, async () => {
    last = await probe();
    return JSON.stringify(last.page) === JSON.stringify(last.api);
  }).catch((error) => {
    error.message += `\npage ${JSON.stringify(last?.page)}\napi  ${JSON.stringify(last?.api)}`;
    throw error;
  });
};

// The reference: decimal strings as millionths in BigInt.

export function millionths(text) {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(text);
  return BigInt(`${sign}${whole}${fraction.padEnd(6, '0')}`);
}

export function shown(text) {
  const value = millionths(text);
  const hundredths = ((value < 0n ? -value : value) + 5000n) / 10000n; // Half up, of the magnitude.
  return `${value < 0n ? '−' : ''}${hundredths / 100n},${String(hundredths % 100n).padStart(2, '0')}`;
}

export function vietnamTime(iso) {
  const local = new Date(Date.parse(iso) + 7 * 3600 * 1000).toISOString();
  return local.replace(/^(\d+)-(\d+)-(\d+)T(.{8}).*$/, '$3/$2/$1 $4');
}

export const descending = (texts) =>
  texts.every((t, i) => i === 0 || millionths(texts[i - 1]) >= millionths(t));

// What the page shows.

export const rows = (page) => page.locator('#ranking tbody tr').evaluateAll((all) => all
  .map((tr) => ({
    code: tr.dataset.code,
    rank: tr.cells[0].firstChild.textContent,
    name: tr.querySelector('a').textContent,
    points: tr.cells[2].textContent,
    stale: tr.innerText.includes('Số liệu cũ'),
  })));

export const brief = (all) => all.map(({ code, rank, points }) => `${rank} ${code} ${points}`);
export const expected = (units) => units.map((u) => `${u.rank} ${u.code} ${shown(u.points)}`);
export const agree = (page) => whenEqual('the page shows the ranking of the API',
  async () => ({ page: brief(await rows(page)), api: expected((await ranking()).units) }));

let browser;
const pages = [];
const READY = 'noscript main, #ranking tbody tr, #criteria details, #unit .score, #changes, #compare';
const readyToRead = (page) => page.locator(READY).first().waitFor();

/** In the page: what it asks for, when by its own clock, and how many answers are not whole yet. */
function watchReadings() {
  const { fetch } = window;
  window.readings = [];
  window.underWay = 0;
  window.fetch = async (url, ...more) => {
    window.readings.push({ path: new URL(url).pathname, at: performance.now() });
    window.underWay += 1;
    try {
      const answer = await fetch(url, ...more);
      await answer.clone().arrayBuffer();
      return answer;
    } finally {
      window.underWay -= 1;
    }
  };
}

/** A page that watches itself: console errors, crashes, the hosts it asks, and what it reads. */
export async function open(query = '', options = {}, prepare = () => {}, ready = readyToRead) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'vi-VN', ...options });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  page.watched = { errors: [], unanswered: [], mayBeUnanswered: false, hosts: new Set() };
  pages.push(page);
  page.on('console', (m) => m.type() === 'error'
    && page.watched[/^Failed to load resource|net::ERR_/.test(m.text()) ? 'unanswered' : 'errors'].push(m.text()));
  page.on('pageerror', (e) => page.watched.errors.push(String(e)));
  page.on('request', (r) => page.watched.hosts.add(new URL(r.url()).origin));
  await page.addInitScript(watchReadings);
  await prepare(page);
  await page.goto(new URL(query, PAGE).href);
  await ready(page);
  return page;
}

/** The browser itself reports what is refused or fails in this test, whenever it comes to it. */
export const mayBeUnanswered = (page) => { page.watched.mayBeUnanswered = true; };

/**
 * Until nothing is under way in a page that hears nothing any more. A reading waits half a second at
 * most for the one before it, and timers of a page fire in the order of their times.
 */
export const atRest = (page) => page.evaluate(async () => {
  for (let before = -1; before !== window.readings.length || window.underWay;) {
    before = window.readings.length;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
});

export async function noOverflow(page) {
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(inner <= outer, `the body is ${inner} wide in ${outer}`);
}

export const close = (page) => page.context().close();
export const live = (page) => page.locator('#state', { hasText: /^Trực tiếp$/ }).waitFor();
export const focused = (locator) => locator.evaluate((element) => element === document.activeElement);
// asked of the page itself: the browser tells us of it later
export const parameter = (page, name) => page.evaluate((key) => new URLSearchParams(location.search).get(key), name);

/** Presses Tab until the element has the focus; fails after `limit` presses. */
export async function tabTo(page, locator, limit) {
  for (let i = 0; i < limit; i++) {
    await page.keyboard.press('Tab');
    if (await focused(locator)) {
      assert.notEqual(await locator.evaluate((e) => getComputedStyle(e).outlineStyle), 'none', 'the focus is visible');
      return;
    }
  }
  assert.fail(`not reached with ${limit} tabs`);
}

/** Starts the browser before a file's tests and the source anew; looks over all its pages after.
 * Nothing changes but by what a test does. */
export function setUp() {
  before(async () => {
    browser = await launch();
    await control('mode=normal');
    await step('2025-10-11');
    await eventually('the API ranks 34 provinces, none of them stale', async () => {
      const response = await fetch(new URL(`api/v1/${OF_BOARD}/ranking?level=province`, PAGE));
      const answer = response.ok ? await response.json() : { units: [] };
      return answer.units.length === 34 && !answer.stale && answer.units.every((u) => u.points !== null && !u.stale);
    });
  });
  after(async () => {
    await browser?.close();
    await control('mode=normal');
    for (const { watched } of pages) {
      assert.deepEqual([...watched.hosts], [new URL(PAGE).origin], 'no other host is asked');
      assert.deepEqual(watched.errors, [], 'no page had an error');
      assert.deepEqual(watched.mayBeUnanswered ? [] : watched.unanswered, [], 'all was answered');
    }
  });
}
