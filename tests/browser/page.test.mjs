// The live page in a real Chromium against the running services.
//
//   CHISO_PAGE    the page's address, for example http://127.0.0.1:8080/
//   CHISO_REPLAY  the control of the replayed source (tests/replay), for example http://127.0.0.1:8099
//
// The tests share one source that they step and block, so they run in order. Expected values are
// computed here from the API's strings, not with the page's own code.

import { test, describe, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
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
async function open(query = '', options = {}, prepare = () => {}) {
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
  await prepare(page);
  await page.goto(new URL(query, PAGE).href);
  await page.locator('#ranking tbody tr, #criteria details').first().waitFor({ timeout: WAIT_MS });
  return page;
}

async function noOverflow(page) {
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(inner <= outer, `the body is ${inner} wide in ${outer}`);
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
    const { levels } = (await api('indexes')).indexes.find((i) => i.id === BOARD.index);
    const commune = levels.find((l) => l.level === 'commune' && l.period === BOARD.period);
    await page.locator('#group').selectOption({ label: `Xã, phường – ${commune.parent_name}` });
    await eventually('the communes', async () => (await rows(page)).length === Number(commune.units));
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
    await noOverflow(page);
    await page.locator('#close').click();
    assert.ok(await page.locator('#ranking').isVisible());
    await close(page);
  });
});

describe('on a phone', () => {
  test('the body does not overflow; the table scrolls in its own box and keeps two columns', async () => {
    const page = await open('', { viewport: { width: 390, height: 844 } });
    await noOverflow(page);
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

describe('whole numbers', () => {
  /** Every rank, revision and count as `form` makes it, and each unit two ranks up. */
  const answered = (form) => async (page) => {
    const whole = (key, value) => (/rank$|^revision$|^units$/.test(key) && /^\d+$/.test(value) ? form(value) : value);
    await page.route(/\/api\/v1\/indexes(\/[^/]+\/2025\/.*)?$/, async (route) => {
      const answer = await (await route.fetch()).json();
      if (route.request().url().includes('/ranking?')) {
        answer.units.forEach((u) => { u.previous_rank = Number(u.rank) + 2; });
      }
      await route.fulfill({ json: JSON.parse(JSON.stringify(answer, whole)) });
    });
  };

  for (const form of [String, Number]) {
    test(`are understood as JSON ${form.name.toLowerCase()}s`, async () => {
      const page = await open('', {}, answered(form));
      await agree(page);
      await header(page, 'rank').getByRole('button').click();
      const ranks = (await rows(page)).map((r) => Number(r.rank));
      assert.deepEqual(ranks, [...ranks].sort((a, b) => b - a), 'highest first, 10 after 9');
      const { units: [first] } = await ranking();
      assert.match(await page.locator(`tr[data-code="${first.code}"] .change`).innerText(), /^▲2\s*tăng 2 hạng/);
      await page.locator(`tr[data-code="${first.code}"] a`).click();
      await page.locator('#unit .score').waitFor();
      assert.equal(await page.locator('#unit .facts dd').first().innerText(), '1');
      assert.match(await page.locator('#unit .history tbody th').first().innerText(), /^\d+$/);
      await close(page);
    });
  }
});

describe('the criteria', () => {
  const VL = 'vl-province-2025';
  const link = (index) => `?index=${index}&view=criteria`;
  const entry = (page, code) => page.locator(`#criteria details[data-code="${code}"]`);
  const shownCodes = (page) => page.locator('#criteria .criterion').evaluateAll((all) =>
    all.filter((d) => d.checkVisibility()).map((d) => d.dataset.code));
  const indicatorsOf = (index) => index.pillars.flatMap((p) => p.indicators);
  const focused = (locator) => locator.evaluate((element) => element === document.activeElement);

  async function checkAll(page, id) {
    const index = await api(`indexes/${id}`);
    await page.locator('h1', { hasText: index.title }).waitFor();
    await entry(page, indicatorsOf(index)[0].code).waitFor();
    const seen = await page.locator('#criteria [data-pillar]').evaluateAll((pillars) => pillars.map((pillar) => ({
      heading: pillar.querySelector('h3').innerText,
      indicators: [...pillar.querySelectorAll('summary')].map((s) => s.innerText),
    })));
    assert.equal(seen.length, index.pillars.length);
    index.pillars.forEach((pillar, i) => {
      const has = (text, ...parts) => parts.forEach((part) => assert.ok(text.includes(part), `${part} in ${text}`));
      const max = (of) => `tối đa ${of.max.replace('.', ',')}`;
      has(seen[i].heading, pillar.title, max(pillar));
      assert.equal(seen[i].indicators.length, pillar.indicators.length);
      pillar.indicators.forEach((indicator, k) => {
        const text = seen[i].indicators[k];
        has(text, indicator.code, indicator.title.trim(), max(indicator));
        assert.equal(text.includes('không đánh giá'), indicator.excluded, text);
      });
    });
    return index;
  }

  test('are what an index without results shows: all 47 indicators in 8 pillars', async () => {
    const page = await open();
    await page.locator('#index').selectOption(VL);
    const index = await checkAll(page, VL);
    assert.deepEqual([index.pillars.length, (await shownCodes(page)).length], [8, 47]);
    assert.equal(new URL(page.url()).searchParams.get('index'), VL);
    assert.ok(await page.locator('#ranking').isHidden());
    assert.ok(await page.locator('#to-ranking').isHidden());
    assert.equal(await page.locator('#to-criteria').getAttribute('aria-current'), 'page');
    assert.match(await page.locator('#message').innerText(), /chưa có kết quả.*47 tiêu chí trong 8 nhóm/);
    const facts = await page.locator('#criteria .facts').innerText();
    for (const part of ['1474/QĐ-UBND', '01/10/2025', index.issuer, '1.000', '47']) {
      assert.ok(facts.includes(part), `${part} in ${facts}`);
    }
    await page.locator('#index').selectOption(BOARD.index);
    await agree(page);
    assert.ok(await page.locator('#criteria').isHidden());
    assert.deepEqual(page.watched.errors, []);
    await close(page);
  });

  test('open from a deep link; formula, inputs, text and the rest of 7.5 are behind its summary', async () => {
    const page = await open(link(VL));
    const indicator = indicatorsOf(await checkAll(page, VL)).find((i) => i.code === '7.5');
    const details = entry(page, '7.5');
    assert.ok(await details.locator('pre').isHidden());
    await details.locator('summary').click();
    assert.ok(await details.locator('pre').isVisible());
    assert.equal(await details.locator('pre').innerText(), indicator.formula.trim());
    assert.equal(await details.locator('.official').innerText(), indicator.text);
    assert.deepEqual(await details.locator('tbody tr').evaluateAll((all) =>
      all.map((tr) => [...tr.cells].map((cell) => cell.textContent))),
    indicator.inputs.map(({ name, title, unit }) => [name, title, unit]));
    assert.equal(await details.locator('[lang=en]').innerText(), indicator.note);
    const text = await details.innerText();
    for (const part of [indicator.lead, indicator.coordinators, indicator.frequency, indicator.basis]) {
      assert.ok(text.includes(part), `${part} in ${text}`);
    }
    await page.locator('#pause').click();
    await page.locator('#pause').click(); // Resuming reads anew:
    await live(page);
    assert.ok(await details.locator('pre').isVisible(), 'what is open stays open');
    const notes = page.locator('#criteria .notes');
    assert.ok(await notes.locator('li').first().isHidden());
    await notes.locator('summary').click();
    assert.equal(await notes.locator('[lang=en] li:visible').count(), (await api(`indexes/${VL}`)).notes.length);
    await close(page);
  });

  test('are found without diacritics, and open and close together', async () => {
    const page = await open(link(VL));
    const { length } = await shownCodes(page);
    await page.locator('#search').fill('ten mien');
    assert.deepEqual(await shownCodes(page), ['7.5']);
    assert.equal(await page.locator('#criteria [data-pillar]:visible').count(), 1);
    assert.equal(await page.locator('#message').innerText(), `Bộ chỉ số này chưa có kết quả. 1 trên ${length} tiêu chí`);
    await page.locator('#open-all').click();
    assert.ok(await entry(page, '7.5').locator('pre').isVisible());
    await page.locator('#search').fill('không có');
    assert.deepEqual(await shownCodes(page), []);
    assert.match(await page.locator('#message').innerText(), /Không có tiêu chí nào khớp/);
    await page.locator('#search').fill('');
    assert.equal(await page.locator('#criteria pre:visible').count(), 1, 'only what was shown was opened');
    await page.locator('#open-all').click();
    assert.equal(await page.locator('#criteria pre:visible').count(), length);
    await page.locator('#close-all').click();
    assert.equal(await page.locator('#criteria pre:visible').count(), 0);
    await close(page);
  });

  test('stand below their parents, which stay when a child is found', async () => {
    const page = await open(link('hd-district-2024'));
    await checkAll(page, 'hd-district-2024');
    const left = async (code) => (await entry(page, code).boundingBox()).x;
    assert.ok(await left('3.6.1') > await left('3.6') + 10);
    assert.equal(await left('3.6'), await left('3.5'));
    await page.locator('#search').fill('3.6.2');
    assert.deepEqual(await shownCodes(page), ['3.6', '3.6.2']);
    assert.match(await page.locator('#message').innerText(), /1 trên \d+ tiêu chí$/);
    await close(page);
  });

  test('are a link away from the ranking, and back', async () => {
    const page = await open(`?unit=${(await ranking()).units[0].code}`);
    await agree(page);
    await page.locator('#search').fill('bac');
    await page.getByRole('link', { name: 'Tiêu chí' }).click();
    await checkAll(page, BOARD.index);
    assert.equal((await shownCodes(page)).length, 6);
    assert.equal(await page.locator('#search').inputValue(), '');
    for (const id of ['ranking', 'unit', 'group', 'period', 'asof']) {
      assert.ok(await page.locator(`#${id}`).isHidden(), id);
    }
    assert.equal(new URL(page.url()).search, link(BOARD.index));
    assert.match(await page.title(), /^Tiêu chí – /);
    await page.getByRole('link', { name: 'Xếp hạng' }).click();
    await agree(page);
    assert.ok(await page.locator('#asof').isVisible());
    assert.ok(await page.locator('#criteria').isHidden());
    await page.goBack();
    await entry(page, 'tttt').waitFor();
    await page.goBack();
    await page.locator('#unit .score').waitFor();
    assert.ok(await page.locator('#criteria').isHidden());
    await close(page);

    const other = await open(link(BOARD.index));
    await checkAll(other, BOARD.index);
    await other.getByRole('link', { name: 'Xếp hạng' }).click();
    await agree(other);
    await close(other);
  });

  test('need no mouse', async () => {
    const page = await open();
    await page.locator('#to-criteria').focus();
    await page.keyboard.press('Enter');
    await entry(page, 'ckmb').waitFor();
    assert.ok(await focused(page.locator('#to-criteria')));
    const summary = entry(page, 'ckmb').locator('summary');
    for (let i = 0; i < 8 && !await focused(summary); i++) {
      await page.keyboard.press('Tab');
    }
    assert.ok(await focused(summary), 'a few tabs away');
    assert.notEqual(await summary.evaluate((s) => getComputedStyle(s).outlineStyle), 'none', 'the focus is visible');
    await page.keyboard.press('Enter');
    assert.ok(await entry(page, 'ckmb').locator('pre').isVisible());
    await page.keyboard.press('Space');
    assert.ok(await entry(page, 'ckmb').locator('pre').isHidden());
    await close(page);
  });

  test('of every index are all there and fit a phone', async () => {
    const page = await open('', { viewport: { width: 390, height: 844 } });
    for (const { id } of (await api('indexes')).indexes) {
      await page.goto(new URL(link(id), PAGE).href);
      await checkAll(page, id);
      await page.locator('#open-all').click();
      await noOverflow(page);
    }
    await close(page);
  });

  test('that cannot be read are said so, and it mends by itself', async () => {
    const page = await open();
    await live(page);
    await page.context().route(`**/api/v1/indexes/${VL}`, (route) => route.fulfill({ status: 503, body: '' }));
    await page.locator('#index').selectOption(VL);
    await page.locator('#error', { hasText: 'máy chủ trả lời 503' }).waitFor();
    await page.context().unrouteAll();
    await checkAll(page, VL);
    assert.ok(await page.locator('#error').isHidden());
    page.watched.errors.length = 0; // The browser itself reports the 503.
    await close(page);
  });
});

describe('axe finds nothing to complain about', () => {
  let axe;
  before(async () => { axe = await readFile(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8'); });

  async function check(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(' ')}`), []);
  }

  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1440, 390]) {
      test(`${colorScheme}, ${width} px wide`, async () => {
        const options = { colorScheme, viewport: { width, height: 844 }, reducedMotion: 'reduce' };
        const page = await open('', options);
        await live(page);
        await check(page);
        await page.locator('#ranking tbody a').first().click();
        await page.locator('#unit .score').waitFor();
        await page.locator('#unit summary').first().click();
        await check(page);
        await close(page);
        for (const index of ['vl-province-2025', 'hn-city-2025']) {
          const criteria = await open(`?index=${index}&view=criteria`, options);
          await live(criteria);
          await criteria.locator('#open-all').click();
          await check(criteria);
          await close(criteria);
        }
      });
    }
  }
});

test('nothing was asked of another host, and no page had an error', () => {
  assert.ok(pages.length > 5);
  for (const page of pages) {
    assert.deepEqual([...page.watched.hosts], [new URL(PAGE).origin]);
    assert.deepEqual(page.watched.errors, []);
  }
});
