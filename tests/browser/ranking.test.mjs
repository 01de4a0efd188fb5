// The ranking, its map, its filters, and that it works by keyboard and on a phone.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { BOARD, PHONE, agree, api, close, descending, eventually, live, noOverflow, open, parameter,
  ranking, rows, setUp, shown, tabTo, vietnamTime, whenEqual } from './common.mjs';

setUp();
const header = (page, key) => page.locator(`#ranking th[data-key="${key}"]`);
const cellOf = async (page, code, key) => {
  const column = await header(page, key).evaluate((th) => th.cellIndex);
  return page.locator(`#ranking tr[data-code="${code}"] > *`).nth(column);
};

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

  test('shows percentage, change and a line of the last results', async () => {
    const { units: [first] } = await ranking();
    assert.equal(await (await cellOf(page, first.code, 'percent')).innerText(), shown(first.percent));
    if (first.change !== null) {
      assert.ok((await (await cellOf(page, first.code, 'change')).innerText()).endsWith(shown(first.change).replace('−', '')));
    }
    await (await cellOf(page, first.code, 'trend')).locator('svg[aria-label], .hint').waitFor();
  });

  test('shows six pillars when asked, each with its points and maximum', async () => {
    await page.locator('#columns').check();
    assert.equal(await parameter(page, 'columns'), 'pillars');
    const { units: [first] } = await ranking();
    assert.equal(first.pillars.length, 6);
    for (const { code, points, max } of first.pillars) {
      const cell = await cellOf(page, first.code, code);
      assert.equal((await cell.innerText()).trim(), shown(points), code);
      assert.match(await header(page, code).innerText(), new RegExp(`tối đa ${max}$`));
      const [track, bar] = await cell.locator('.bar').evaluate((b) =>
        [b.getBoundingClientRect().width, b.firstChild.getBoundingClientRect().width]);
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
    await tabTo(page, header(page, 'points').getByRole('button'), 12);
    await page.keyboard.press('Enter');
    assert.equal(await header(page, 'points').getAttribute('aria-sort'), 'descending');
    assert.equal(await parameter(page, 'sort'), '-points');
  });

  test('finds names without diacritics, and the search can be passed on', async () => {
    for (const [words, name] of [['bac ninh', 'Tỉnh Bắc Ninh'], ['da nang', 'Thành phố Đà Nẵng']]) {
      await page.locator('#search').fill(words);
      assert.deepEqual((await rows(page)).map((r) => r.name), [name]);
    }
    assert.equal(await parameter(page, 'q'), 'da nang');
    await page.locator('#search').fill('không có tỉnh này');
    assert.equal((await rows(page)).length, 0);
    assert.match(await page.locator('#message').innerText(), /Không có đơn vị nào khớp/);
    await page.locator('#search').fill('');
    assert.equal((await rows(page)).length, 34);
  });

  test('changes level, province and period, and the back button undoes it', async () => {
    const { levels } = (await api('indexes')).indexes.find((i) => i.id === BOARD.index);
    const commune = levels.find((l) => l.level === 'commune' && l.period === BOARD.period);
    await page.locator('#level').selectOption('commune');
    await eventually('the communes', async () => (await rows(page)).length === Number(commune.units));
    assert.equal(await parameter(page, 'level'), 'commune');
    assert.equal(await page.locator('#parent option:checked').innerText(), commune.parent_name);
    await page.locator('#parent').selectOption({ label: 'Cả nước' });
    await eventually('the communes of the country', async () => (await rows(page)).length === Number(commune.units));
    await page.locator('#period').selectOption('2025-10');
    await page.locator('#ranking caption', { hasText: 'Tháng 10/2025' }).waitFor();
    for (let i = 0; i < 3; i++) {
      await page.goBack();
    }
    await eventually('the provinces again', async () => (await rows(page)).length === 34);
    assert.equal(await page.locator('#level').inputValue(), 'province');
  });
});

describe('the map', () => {
  const tile = (page, name) => page.locator('.tile', { hasText: name }).first();

  test('shows 34 provinces with their points, and both archipelagos with theirs', async () => {
    const page = await open();
    const { units } = await ranking();
    assert.equal(await page.locator('.tile:not(.island)').count(), 34);
    await whenEqual('the points of the tiles', async () => ({
      page: (await page.locator('.tile:not(.island) b').allInnerTexts()).sort(),
      api: (await ranking()).units.map((u) => shown(u.points)).sort(),
    }));
    const href = async (name) => new URL(await tile(page, name).getAttribute('href'), page.url()).searchParams.get('unit');
    const codeOf = (name) => units.find((u) => u.name.endsWith(name)).code;
    assert.equal(await href('Hoàng Sa'), codeOf('Đà Nẵng'));
    assert.equal(await href('Trường Sa'), units.find((u) => /Khánh Ho[àa]|Khánh Hòa/.test(u.name)).code);
    await close(page);
  });

  test('lies as the country does', async () => {
    const page = await open();
    const at = async (name) => tile(page, name).boundingBox();
    const [dienBien, langSon, haNoi, hue, caMau, haiPhong, hoangSa, truongSa, daNang] = await Promise.all(
      ['Điện Biên', 'Lạng Sơn', 'Hà Nội', 'Huế', 'Cà Mau', 'Hải Phòng', 'Hoàng Sa', 'Trường Sa', 'Đà Nẵng'].map(at));
    assert.ok(dienBien.x < langSon.x && haNoi.x < haiPhong.x, 'west is left');
    assert.ok(haNoi.y < hue.y && hue.y < daNang.y && daNang.y < caMau.y, 'north is up');
    assert.ok(hoangSa.x > daNang.x && truongSa.x > daNang.x && truongSa.y > hoangSa.y, 'the islands lie in the east');
    await close(page);
  });

  test('is coloured by a pillar when asked, and leads to a unit', async () => {
    const page = await open();
    await page.locator('#metric').selectOption('tttt');
    assert.equal(await parameter(page, 'map'), 'tttt');
    const unit = (await ranking()).units.find((u) => u.name.endsWith('Hà Nội'));
    await tile(page, shown(unit.pillars.find((p) => p.code === 'tttt').points)).waitFor();
    await tile(page, 'Hà Nội').click();
    await page.locator('#unit h1', { hasText: 'Hà Nội' }).waitFor();
    await close(page);
  });
});

describe('two languages', () => {
  test('English on request: words, numbers, the address; names stay Vietnamese', async () => {
    const page = await open();
    await page.locator('#language').click();
    await page.locator('#state', { hasText: /^Live$/ }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'en');
    assert.equal(await parameter(page, 'lang'), 'en');
    const { units: [first] } = await ranking();
    await whenEqual('a point for the decimals', async () => ({
      page: (await rows(page))[0].points, api: shown((await ranking()).units[0].points).replace(',', '.') }));
    assert.equal(await page.locator('#ranking tbody a span').first().getAttribute('lang'), 'vi');
    await page.locator(`#ranking tr[data-code="${first.code}"] a`).click();
    await page.locator('#unit .score', { hasText: 'points' }).waitFor();
    assert.equal(await parameter(page, 'lang'), 'en');
    await page.goto(new URL('.', page.url()).href);
    await page.locator('#state', { hasText: /^Live$/ }).waitFor();
    await page.locator('#language').click();
    await live(page);
    await close(page);
  });
});

describe('dark and light', () => {
  test('follow the system until the reader chooses, and the choice is kept', async () => {
    const page = await open('', { colorScheme: 'dark' });
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    await page.locator('#theme').click();
    const light = await background();
    assert.notEqual(light, dark);
    await page.reload();
    await live(page);
    assert.equal(await background(), light);
    await close(page);
  });
});

describe('on a phone', () => {
  test('the body does not overflow; the table scrolls in its own box and keeps two columns', async () => {
    const page = await open('', PHONE);
    await noOverflow(page);
    const left = () => page.locator('#ranking tbody tr').first().evaluate((tr) =>
      [tr.cells[0], tr.cells[1], tr.cells[2]].map((cell) => Math.round(cell.getBoundingClientRect().left)));
    const before = await left();
    await page.locator('#ranking').evaluate((box) => { box.scrollLeft = 60; });
    const now = await left();
    assert.deepEqual(now.slice(0, 2), before.slice(0, 2));
    assert.equal(now[2], before[2] - 60);
    await close(page);
  });
});

test('on paper nothing is cut off and nothing is there to click', async () => {
  const page = await open();
  await page.emulateMedia({ media: 'print' });
  for (const id of ['#controls', '#pause', 'nav', '#language']) {
    assert.ok(await page.locator(id).isHidden(), id);
  }
  assert.ok(await page.locator('#asof').isVisible(), 'the paper says of when it is');
  assert.equal(await page.locator('#ranking').evaluate((b) => getComputedStyle(b).overflowX), 'visible');
  await close(page);
});
