// The live page in a real Chromium against the running services.
//
//   CHISO_PAGE    the page's address, for example http://127.0.0.1:8080/
//   CHISO_REPLAY  the control of the replayed source (tests/replay), for example http://127.0.0.1:8099
//
// The tests share one source that they step and block, so they run in order. Expected values are
// computed here from the API's strings, not with the page's own code.

import { test, describe, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { launch } from './chromium.mjs';

const PAGE = base('CHISO_PAGE');
const REPLAY = base('CHISO_REPLAY');
const WAIT_MS = 60000;
const BOARD = { index: 'dvc-766', period: '2025', level: 'province' };

function base(name) {
  if (!process.env[name]) {
    throw new Error(`${name} is not set: see the head of page.test.mjs`);
  }
  return process.env[name].replace(/\/*$/, '/');
}

async function api(path) {
  const response = await fetch(new URL(`api/v1/${path}`, PAGE));
  assert.equal(response.status, 200, path);
  return response.json();
}

const ranking = () => api(`indexes/${BOARD.index}/${BOARD.period}/ranking?level=${BOARD.level}`);

async function control(query) {
  const response = await fetch(new URL(`control?${query}`, REPLAY), { method: 'POST' });
  assert.ok(response.ok, `control?${query} answered ${response.status}`);
}

/** Polls until `probe` gives something true, and returns it; says what it last saw when it does not. */
async function eventually(what, probe, limit = WAIT_MS) {
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
async function settled(check, limit = WAIT_MS) {
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

const whenEqual = (what, probe) => {
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

function millionths(text) {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(text);
  return BigInt(`${sign}${whole}${fraction.padEnd(6, '0')}`);
}

function shown(text) {
  const hundredths = (millionths(text) + 5000n) / 10000n; // Half up; the totals are not negative.
  return `${hundredths / 100n},${String(hundredths % 100n).padStart(2, '0')}`;
}

function vietnamTime(iso) {
  const local = new Date(Date.parse(iso) + 7 * 3600 * 1000).toISOString();
  return local.replace(/^(\d+)-(\d+)-(\d+)T(.{8}).*$/, '$3/$2/$1 $4');
}

const descending = (texts) => texts.every((t, i) => i === 0 || millionths(texts[i - 1]) >= millionths(t));

// What the page shows.

const rows = (page) => page.locator('#ranking tbody tr').evaluateAll((all) => all
  .filter((tr) => !tr.hidden)
  .map((tr) => ({
    code: tr.dataset.code,
    rank: tr.cells[0].textContent,
    name: tr.querySelector('a').textContent,
    points: tr.cells[2].textContent,
    stale: tr.innerText.includes('Số liệu cũ'),
  })));

const brief = (all) => all.map(({ code, rank, points }) => `${rank} ${code} ${points}`);
const expected = (units) => units.map((u) => `${u.rank} ${u.code} ${shown(u.points)}`);
const agree = (page) => whenEqual('the page shows the ranking of the API',
  async () => ({ page: brief(await rows(page)), api: expected((await ranking()).units) }));

let browser;
const pages = [];

/** A page that watches itself: console errors, crashes, and the hosts it asks. */
async function open(query = '', options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'vi-VN', ...options });
  const page = await context.newPage();
  page.watched = { errors: [], hosts: new Set(), readings: [] };
  pages.push(page);
  page.on('console', (m) => m.type() === 'error' && page.watched.errors.push(m.text()));
  page.on('pageerror', (e) => page.watched.errors.push(String(e)));
  page.on('request', (r) => {
    page.watched.hosts.add(new URL(r.url()).origin);
    if (r.url().includes('/ranking?')) {
      page.watched.readings.push(Date.now());
    }
  });
  await page.goto(new URL(query, PAGE).href);
  await page.locator('#ranking tbody tr').first().waitFor({ timeout: WAIT_MS });
  return page;
}

const close = (page) => page.context().close();
const live = (page) => page.locator('#state', { hasText: /^Trực tiếp$/ }).waitFor({ timeout: WAIT_MS });
const header = (page, key) => page.locator(`#ranking th[data-key="${key}"]`);

before(async () => {
  browser = await launch();
  await control('mode=normal');
  await eventually('the API ranks 34 provinces, none of them stale', async () => {
    const response = await fetch(new URL(`api/v1/indexes/${BOARD.index}/${BOARD.period}/ranking?level=province`, PAGE));
    const answer = response.ok ? await response.json() : { units: [] };
    return answer.units.length === 34 && !answer.stale && answer.units.every((u) => u.points !== null && !u.stale);
  });
});

after(async () => {
  await browser?.close();
  await control('mode=normal');
  const { step } = await (await fetch(new URL('control', REPLAY))).json();
  if (step !== '2025-10-11') {
    await control('step=next');
  }
});

describe('the ranking', () => {
  let page;
  before(async () => { page = await open(); });
  after(() => close(page));

  test('is in Vietnamese, live, with its as-of time', async () => {
    assert.equal(await page.locator('html').getAttribute('lang'), 'vi');
    await live(page);
    await whenEqual('as-of time', async () => ({
      page: await page.locator('#asof').innerText(),
      api: `Số liệu tính đến ${vietnamTime((await ranking()).as_of)} (giờ Việt Nam)`,
    }));
  });

  test('shows the 34 provinces in the order and with the totals of the API', async () => {
    await agree(page);
    assert.equal((await rows(page)).length, 34);
    assert.equal(await header(page, 'rank').getAttribute('aria-sort'), 'ascending');
    assert.equal(await page.locator('#ranking th[aria-sort]').count(), 1);
  });

  test('shows six pillars, each with its points and maximum', async () => {
    const { units: [first] } = await ranking();
    assert.equal(first.pillars.length, 6);
    for (const { code, points, max } of first.pillars) {
      const column = await header(page, code).evaluate((th) => th.cellIndex);
      const cell = page.locator(`#ranking tr[data-code="${first.code}"] > *`).nth(column);
      assert.equal(await cell.innerText(), shown(points), code);
      assert.match(await header(page, code).innerText(), new RegExp(`tối đa ${max}$`));
      const [track, bar] = await cell.locator('.bar').evaluate((b) =>
        [b.getBoundingClientRect().width, parseFloat(getComputedStyle(b, '::before').width)]);
      assert.ok(Math.abs(bar / track - Number(points) / Number(max)) < 0.02, `bar of ${code}: ${bar} of ${track}`);
    }
  });

  test('sorts by a pillar, highest first, and back the other way', async () => {
    const { units } = await ranking();
    const of = new Map(units.map((u) => [u.code, u.pillars.find((p) => p.code === 'tttt').points]));
    await header(page, 'tttt').getByRole('button').click();
    assert.equal(await header(page, 'tttt').getAttribute('aria-sort'), 'descending');
    assert.equal(await header(page, 'rank').getAttribute('aria-sort'), null);
    const down = (await rows(page)).map((r) => of.get(r.code));
    assert.ok(down.length === 34 && descending(down), down.join(' '));
    await header(page, 'tttt').getByRole('button').click();
    assert.equal(await header(page, 'tttt').getAttribute('aria-sort'), 'ascending');
    assert.ok(descending((await rows(page)).map((r) => of.get(r.code)).reverse()));
  });

  test('sorts by name, the way lists of provinces are read', async () => {
    await header(page, 'name').getByRole('button').click();
    const names = (await rows(page)).map((r) => r.name.replace(/^(Tỉnh|Thành phố) /, ''));
    assert.deepEqual(names, [...names].sort(new Intl.Collator('vi').compare));
    assert.equal(names[0], 'An Giang');
    assert.equal(names.at(-1), 'Vĩnh Long');
  });

  test('sorts by keyboard: Tab to a header button, Enter', async () => {
    await page.locator('#search').focus();
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      if (await header(page, 'points').getByRole('button').evaluate((b) => b === document.activeElement)) {
        break;
      }
    }
    await page.keyboard.press('Enter');
    assert.equal(await header(page, 'points').getAttribute('aria-sort'), 'descending');
    const outline = await header(page, 'points').getByRole('button').evaluate((b) => getComputedStyle(b).outlineStyle);
    assert.notEqual(outline, 'none', 'the focus is visible');
    assert.equal(new URL(page.url()).searchParams.get('sort'), '-points');
  });

  test('finds names without diacritics', async () => {
    for (const [words, name] of [['bac ninh', 'Tỉnh Bắc Ninh'], ['da nang', 'Thành phố Đà Nẵng']]) {
      await page.locator('#search').fill(words);
      assert.deepEqual((await rows(page)).map((r) => r.name), [name]);
    }
    await page.locator('#search').fill('không có tỉnh này');
    assert.equal((await rows(page)).length, 0);
    assert.match(await page.locator('#message').innerText(), /Không có đơn vị nào khớp/);
    await page.locator('#search').fill('');
    assert.equal((await rows(page)).length, 34);
  });

  test('changes group and period, and the back button undoes it', async () => {
    const { indexes: [{ levels }] } = await api('indexes');
    const commune = levels.find((l) => l.level === 'commune' && l.period === BOARD.period);
    await page.locator('#group').selectOption({ label: `Xã, phường – ${commune.parent_name}` });
    await eventually('the communes', async () => (await rows(page)).length === commune.units);
    assert.equal(new URL(page.url()).searchParams.get('level'), 'commune');
    await page.goBack();
    await eventually('the provinces again', async () => (await rows(page)).length === 34);
  });
});

describe('decimals', () => {
  test('are rounded and compared exactly', async () => {
    const page = await open();
    const seen = await page.evaluate(async () => {
      const { compare, exact, shown } = await import('./format.js');
      return {
        shown: ['0.005', '1.005', '99.994999', '99.995', '1234567.1', '8', '-0.125'].map((t) => shown(t)),
        signed: ['0.05', '-0.12', '0', '0.000'].map((t) => shown(t, true)),
        unknown: shown(null),
        exact: exact('91.640000'),
        compare: [compare('9.9', '10'), compare('1.50', '1.5'), compare('0.1000000000000000000001', '0.1'),
          compare('-2', '-10'), compare('9007199254740993', '9007199254740992')],
      };
    });
    assert.deepEqual(seen, {
      shown: ['0,01', '1,01', '99,99', '100,00', '1.234.567,10', '8,00', '−0,13'],
      signed: ['+0,05', '−0,12', '0,00', '0,00'],
      unknown: '–',
      exact: '91,640000',
      compare: [-1, 0, 1, 1, 1],
    });
    await close(page);
  });
});

describe('one unit', () => {
  let first;
  before(async () => { ({ units: [first] } = await ranking()); });

  const checkDetail = (page) => settled(() => compareDetail(page));

  async function compareDetail(page) {
    const unit = await api(`indexes/${BOARD.index}/${BOARD.period}/units/${first.code}`);
    const panel = page.locator('#unit');
    await panel.locator('.score').waitFor();
    assert.equal(await panel.locator('h2').innerText(), unit.unit.name);
    assert.ok((await panel.locator('.score').innerText()).startsWith(shown(unit.points)));
    assert.equal(await panel.locator('[data-pillar]').count(), 6);
    assert.ok(unit.figures.length >= 7, 'six pillars and the total the source states');
    for (const figure of unit.figures) {
      const block = panel.locator(`[data-figure="${figure.id}"]`);
      const text = await block.innerText();
      for (const part of [figure.value.replace('.', ','), figure.source, vietnamTime(figure.fetched_at),
        String(figure.revision), figure.raw_sha256.slice(0, 8)]) {
        assert.ok(text.includes(part), `${figure.id}: ${part} in ${text}`);
      }
      assert.equal(await block.locator('code').getAttribute('title'), figure.raw_sha256);
    }
    const { revisions } = await api(`indexes/${BOARD.index}/${BOARD.period}/units/${first.code}/history`);
    const past = panel.locator('.history tbody tr');
    assert.equal(await past.count(), revisions.length);
    assert.ok((await past.first().innerText()).includes(shown(revisions[0].points)));
    assert.equal(await panel.locator('.sources tbody tr').count(), unit.sources.length);
  }

  test('opens from its name with figures, sources and history, and closes again', async () => {
    const page = await open();
    const link = page.locator(`#ranking tr[data-code="${first.code}"] a`);
    await link.click();
    await checkDetail(page);
    assert.equal(new URL(page.url()).searchParams.get('unit'), first.code);
    assert.ok(await page.locator('#unit h2').evaluate((h) => h === document.activeElement), 'focus goes to the heading');
    await page.keyboard.press('Escape');
    assert.ok(await page.locator('#unit').isHidden());
    assert.ok(await link.evaluate((a) => a === document.activeElement), 'and comes back to the link');
    assert.equal(new URL(page.url()).searchParams.get('unit'), null);
    await page.goBack();
    await checkDetail(page);
    assert.deepEqual(page.watched.errors, []);
    await close(page);
  });

  test('opens from a deep link', async () => {
    const page = await open(`?unit=${first.code}`);
    await checkDetail(page);
    await close(page);
  });

  test('takes the place of the table on a phone', async () => {
    const page = await open('', { viewport: { width: 390, height: 844 } });
    await page.locator(`#ranking tr[data-code="${first.code}"] a`).click();
    await checkDetail(page);
    assert.ok(await page.locator('#ranking').isHidden());
    const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(inner <= outer, `the body is ${inner} wide in ${outer}`);
    await page.locator('#close').click();
    assert.ok(await page.locator('#ranking').isVisible());
    await close(page);
  });
});

describe('on a phone', () => {
  test('the body does not overflow; the table scrolls in its own box and keeps two columns', async () => {
    const page = await open('', { viewport: { width: 390, height: 844 } });
    const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(inner <= outer, `the body is ${inner} wide in ${outer}`);
    const left = () => page.locator('#ranking tbody tr').first().evaluate((tr) =>
      [tr.cells[0], tr.cells[1], tr.cells[2]].map((cell) => Math.round(cell.getBoundingClientRect().left)));
    const before = await left();
    await page.locator('#ranking').evaluate((box) => { box.scrollLeft = 200; });
    const now = await left();
    assert.deepEqual(now.slice(0, 2), before.slice(0, 2));
    assert.equal(now[2], before[2] - 200);
    await close(page);
  });
});

describe('live', () => {
  test('the ranking changes by itself, without a reload, and says so', async () => {
    const page = await open(`?unit=${(await ranking()).units[0].code}`);
    await live(page);
    await agree(page);
    await page.evaluate(() => {
      window.marker = 'still here';
      window.said = [];
      new MutationObserver(() => window.said.push(document.getElementById('say').textContent))
        .observe(document.getElementById('say'), { childList: true, characterData: true, subtree: true });
    });
    const held = page.locator('#ranking tbody tr').nth(5).locator('a');
    await held.focus();
    const focused = await page.evaluate(() => document.activeElement.dataset.code);

    for (let round = 0; round < 2; round++) { // There and back again.
      const old = new Map((await ranking()).units.map((u) => [u.code, u.points]));
      await control('step=next');
      const unit = await eventually('the API has new points', async () =>
        (await ranking()).units.find((u) => shown(u.points) !== shown(old.get(u.code))));
      await whenEqual(`the page shows the new total of ${unit.code}`, async () => ({
        page: (await rows(page)).find((r) => r.code === unit.code).points,
        api: shown((await ranking()).units.find((u) => u.code === unit.code).points),
      }));
      await agree(page);
    }
    assert.equal(await page.evaluate(() => window.marker), 'still here');
    assert.equal(await page.evaluate(() => document.activeElement.dataset?.code), focused, 'the focus stays on its unit');
    await eventually('the change is announced', () =>
      page.evaluate(() => window.said.some((text) => /^\d+ đơn vị thay đổi$/.test(text))));
    await whenEqual('the open unit is up to date', async () => ({
      page: (await page.locator('#unit .score b').innerText()),
      api: shown((await ranking()).units.find((u) => page.url().includes(`unit=${u.code}`)).points),
    }));
    const { readings } = page.watched;
    assert.ok(readings.length <= (readings.at(-1) - readings[0]) / 400 + 3, `readings at ${readings.map((t) => t - readings[0])}`);
    assert.deepEqual(page.watched.errors, []);
    await close(page);
  });

  test('stands still while paused and catches up after', async () => {
    const page = await open();
    await live(page);
    await agree(page);
    await page.locator('#pause').click();
    assert.equal(await page.locator('#state').innerText(), 'Đã tạm dừng');
    const old = await ranking();
    await control('step=next');
    await eventually('the API has new points', async () =>
      JSON.stringify(expected((await ranking()).units)) !== JSON.stringify(expected(old.units)));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.deepEqual(brief(await rows(page)), expected(old.units));
    await page.locator('#pause', { hasText: 'Tiếp tục' }).click();
    await live(page);
    await agree(page);
    await close(page);
  });

  test('a lost connection is said and mended', async () => {
    const page = await open();
    await live(page);
    await page.context().route('**/api/v1/events', (route) => route.abort());
    await page.reload();
    await page.locator('#state', { hasText: 'Mất kết nối – đang nối lại' }).waitFor();
    await page.context().unrouteAll();
    await live(page);
    page.watched.errors.length = 0; // The browser itself reports the requests refused above.
    await close(page);
  });

  test('an answer that fails is said, what was read stays, and it mends by itself', async () => {
    const page = await open();
    await live(page);
    await page.context().route('**/ranking?*', (route) => route.fulfill({
      status: 503, contentType: 'application/problem+json',
      body: JSON.stringify({ type: 'about:blank', title: 'Đang bảo trì', status: 503, detail: '' }),
    }));
    await page.locator('#pause').click();
    await page.locator('#pause').click(); // Resuming reads anew.
    await page.locator('#error', { hasText: 'Đang bảo trì' }).waitFor();
    assert.equal((await rows(page)).length, 34);
    await page.context().unrouteAll();
    await page.locator('#error').waitFor({ state: 'hidden', timeout: WAIT_MS });
    page.watched.errors.length = 0;
    await close(page);
  });

  test('a blocked source makes the figures stale in words, and its end mends them', async () => {
    const page = await open();
    await agree(page);
    assert.ok(await page.locator('#stale').isHidden());
    await control('mode=block');
    try {
      await page.locator('#stale', { hasText: 'Số liệu cũ' }).waitFor({ timeout: WAIT_MS });
      await eventually('rows say so too', async () => (await rows(page)).every((r) => r.stale));
      assert.equal((await rows(page)).length, 34, 'the last good figures stay');
    } finally {
      await control('mode=normal');
    }
    await page.locator('#stale').waitFor({ state: 'hidden', timeout: WAIT_MS });
    await eventually('no row is stale', async () => (await rows(page)).every((r) => !r.stale));
    await agree(page);
    await close(page);
  });
});

test('nothing was asked of another host, and no page had an error', () => {
  assert.ok(pages.length > 5);
  for (const page of pages) {
    assert.deepEqual([...page.watched.hosts], [new URL(PAGE).origin]);
    assert.deepEqual(page.watched.errors, []);
  }
});
