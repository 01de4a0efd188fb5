// What changed: since the last reading, since yesterday, since a day; and what comes in meanwhile.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { BOARD, PHONE, api, atRest, close, eventually, live, noOverflow, open, parameter, ranking, setUp, settled,
  shown, step } from './common.mjs';

setUp();

const changesSince = (since) =>
  api(`indexes/${BOARD.index}/${BOARD.period}/changes?level=${BOARD.level}&since=${encodeURIComponent(since)}`);
const lastReading = async () => new Date(Date.parse((await ranking()).as_of) - 1).toISOString();
const yesterday = () => new Date(Date.now() + (7 - 24) * 3600 * 1000).toISOString().slice(0, 10);
const seen = (page) => page.locator('#changes tbody tr').evaluateAll((all) => all.map((tr) =>
  [tr.dataset.code, tr.cells[2].textContent, tr.cells[3].textContent, tr.cells[4].textContent].join(' ')));
const signed = (text) => (/^[-0.]*$/.test(text) || text.startsWith('-') ? '' : '+') + shown(text);
const told = ({ units }) => units.map((u) => [u.code, u.before ? shown(u.before.points) : 'chưa có',
  shown(u.after.points), u.change === null ? '–' : signed(u.change)].join(' '));

describe('what changed', () => {
  test('since the last reading, with the indicators that did it', async () => {
    await step();
    const page = await open('?view=changes');
    await settled(async () => {
      const answer = await changesSince(await lastReading());
      assert.ok(answer.units.length > 0);
      assert.deepEqual(await seen(page), told(answer));
      const [first] = answer.units;
      const row = await page.locator(`#changes tr[data-code="${first.code}"]`).innerText();
      first.indicators.forEach((i) => assert.ok(row.includes(i.title), `${i.title} in ${row}`));
      assert.ok((await page.locator('#message').innerText()).startsWith(`${answer.changed} trên ${answer.total} đơn vị`));
    });
    await close(page);
  });

  test('since yesterday, of which this publisher knows nothing, and it says so', async () => {
    const page = await open('?view=changes');
    await page.locator('#since-yesterday').check();
    assert.equal(await parameter(page, 'since'), 'yesterday');
    await settled(async () => {
      const answer = await changesSince(yesterday());
      assert.deepEqual(await seen(page), told(answer));
      const notice = page.locator('#unknown-since', { hasText: 'Chưa biết gì về lúc đó' });
      assert.equal(await notice.count(), answer.known_since ? 0 : 1); // known if midnight passed since the start
      assert.ok(answer.known_since || answer.units.length === 34);
    });
    await close(page);
  });

  test('since a day: the address holds it, and it can be changed', async () => {
    const page = await open('?view=changes&since=2025-10-12');
    assert.ok(await page.locator('#since-day').isChecked());
    assert.equal(await page.locator('#day').inputValue(), '12/10/2025');
    await page.locator('#message', { hasText: 'từ cuối ngày 12/10/2025' }).waitFor();
    await page.locator('#day').fill('31/02/2025');
    await page.keyboard.press('Enter');
    await page.locator('#day-wrong', { hasText: 'cần một ngày đã qua' }).waitFor();
    assert.equal(await parameter(page, 'since'), '2025-10-12');
    await page.locator('#day').fill('01/11/2025');
    await page.keyboard.press('Enter');
    await page.locator('#message', { hasText: 'từ cuối ngày 01/11/2025' }).waitFor();
    assert.equal(await parameter(page, 'since'), '2025-11-01');
    await close(page);
  });

  test('comes in while one looks, stands still when paused, and goes on', async () => {
    const page = await open('?view=changes');
    await live(page);
    await page.locator('.feed', { hasText: 'Chưa có gì mới' }).waitFor();
    await step();
    await page.locator('.feed li').first().waitFor();
    const count = () => page.locator('.feed li').count();
    await eventually('all of it', async () => await count() >= 30);
    await settled(async () => assert.deepEqual(await seen(page), told(await changesSince(await lastReading()))));
    await page.locator('#pause').click();
    await atRest(page);
    const before = [await count(), await seen(page)];
    await step();
    await atRest(page);
    assert.deepEqual([await count(), await seen(page)], before);
    await page.locator('#pause').click();
    await live(page);
    await settled(async () => assert.deepEqual(await seen(page), told(await changesSince(await lastReading()))));
    await close(page);
  });

  test('is found without diacritics, leads to the unit, and fits a phone', async () => {
    await step();
    const page = await open('?view=changes&q=bac%20ninh', PHONE);
    await page.locator('#changes tbody a').first().waitFor();
    assert.equal((await seen(page)).length, 1);
    await noOverflow(page);
    await page.locator('#changes tbody a').click();
    await page.locator('#unit h1', { hasText: 'Bắc Ninh' }).waitFor();
    await close(page);
  });
});
