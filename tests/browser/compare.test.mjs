// Units beside each other, and one unit at several moments.

import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { PAGE, PHONE, close, eventually, mayBeUnanswered, millionths, noOverflow, open, parameter, ranking, setUp,
  settled, shown, step, unitOf, vietnamTime } from './common.mjs';

setUp();

const line = (page, title) => page.locator('#compare tbody tr').filter({ hasText: title }).first()
  .evaluate((tr) => [...tr.cells].slice(1).map((c) => c.innerText.replace(/\s+/g, ' ').trim()));

function gap(a, b) {
  const rest = millionths(a) - millionths(b);
  const text = shown(`${rest < 0n ? '-' : ''}${(rest < 0n ? -rest : rest) / 1000000n}.${String((rest < 0n ? -rest : rest) % 1000000n).padStart(6, '0')}`);
  return rest > 0n ? `+${text}` : text;
}

describe('comparing', () => {
  let first;
  let second;
  before(async () => { ({ units: [first, second] } = await ranking()); });

  async function agree(page, codes) {
    await settled(async () => {
      const units = await Promise.all(codes.map((c) => unitOf(c)));
      const total = await line(page, 'Tổng điểm');
      units.forEach((u, i) => {
        assert.ok(total[i].startsWith(`${shown(u.points)} / ${u.max}`), total[i]);
        assert.ok(i === 0 || total[i].endsWith(gap(u.points, units[0].points)), total[i]);
      });
      assert.deepEqual(await line(page, 'Hạng'), units.map((u) => u.rank));
      for (const [k, pillar] of units[0].pillars.entries()) {
        const seen = await line(page, pillar.title);
        units.forEach((u, i) => assert.ok(seen[i].startsWith(shown(u.pillars[k].points)), `${pillar.title}: ${seen[i]}`));
      }
    });
  }

  test('two units by a link, a third by choosing it; the address follows', async () => {
    const page = await open(`?view=compare&units=${first.code},${second.code}`);
    await agree(page, [first.code, second.code]);
    const third = (await ranking()).units[9];
    await page.locator('#add-unit').selectOption({ label: third.name });
    await agree(page, [first.code, second.code, third.code]);
    assert.equal(await parameter(page, 'units'), [first.code, second.code, third.code].join(','));
    await page.getByRole('button', { name: `Bỏ ${second.name}` }).click();
    await agree(page, [first.code, third.code]);
    await close(page);
  });

  test('every indicator when asked', async () => {
    const page = await open(`?view=compare&units=${first.code},${second.code}`);
    await page.locator('#detail').check();
    await eventually('six more rows', async () => await page.locator('#compare .depth-1').count() === 6);
    assert.equal(await parameter(page, 'detail'), '1');
    await close(page);
  });

  test('lines of both, told apart without colour, with their table', async () => {
    const page = await open(`?view=compare&units=${first.code},${second.code}`);
    await page.locator('.chart .key li').nth(1).waitFor();
    const dashes = await page.locator('.chart svg[role=img] .line').evaluateAll((all) => all.map((l) => l.getAttribute('stroke-dasharray')));
    assert.equal(new Set(dashes).size, 2);
    await page.locator('.chart summary').click();
    await page.locator('.chart tbody tr', { hasText: second.name.replace(/^(Tỉnh|Thành phố) /, '') }).first().waitFor();
    await close(page);
  });

  test('a unit with a past day, and a day of which nothing is known stays empty', async () => {
    const page = await open();
    mayBeUnanswered(page); // the 404 of that day
    await page.goto(new URL(`?unit=${first.code}`, PAGE).href);
    await page.getByRole('link', { name: 'So sánh với đơn vị khác' }).click();
    await page.locator('#moment').fill('12/10/2025');
    await page.locator('#add-moment').click();
    await page.locator('#compare thead', { hasText: 'cuối ngày 12/10/2025' }).waitFor();
    assert.equal(await parameter(page, 'units'), `${first.code},${first.code}@2025-10-12`);
    const total = await line(page, 'Tổng điểm');
    assert.equal(total[1], '–');
    await close(page);
  });

  test('a unit with itself a moment ago', async () => {
    const { as_of: asOf } = await ranking();
    const before = await unitOf(first.code);
    await step();
    const page = await open(`?view=compare&units=${first.code}@${asOf},${first.code}`);
    await page.locator('#compare thead', { hasText: vietnamTime(asOf) }).waitFor();
    await settled(async () => {
      const now = await unitOf(first.code);
      const total = await line(page, 'Tổng điểm');
      assert.ok(total[0].startsWith(shown(before.points)), total[0]);
      assert.ok(total[1].startsWith(shown(now.points)) && total[1].endsWith(gap(now.points, before.points)), total[1]);
    });
    await close(page);
  });

  test('without units it says what to do; it fits a phone', async () => {
    const page = await open('?view=compare', PHONE);
    await page.locator('.empty', { hasText: 'Chọn hai đơn vị trở lên' }).waitFor();
    await page.goto(new URL(`?view=compare&units=${first.code},${second.code}&detail=1`, PAGE).href);
    await page.locator('#compare table').first().waitFor();
    await noOverflow(page);
    await close(page);
  });
});
