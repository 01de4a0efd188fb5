// What happens while the page is open: changes, pauses, failures, a restart of the publisher.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { agree, atRest, brief, close, control, eventually, expected, live, mayBeUnanswered, open, ranking, restart,
  rows, setUp, shown, step, whenEqual } from './common.mjs';

setUp();

const stepToNew = async () => {
  const old = await ranking();
  await step();
  assert.notDeepEqual(expected((await ranking()).units), expected(old.units), 'the API has new points');
  return old;
};

describe('live', () => {
  test('the ranking changes by itself, without a reload, and says so', async () => {
    const page = await open();
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
    const focused = () => page.evaluate(() => document.activeElement.closest('tr')?.dataset.code);
    const code = await focused();
    for (let round = 0; round < 2; round++) { // There and back again.
      await stepToNew();
      await agree(page);
    }
    assert.equal(await page.evaluate(() => window.marker), 'still here');
    assert.equal(await focused(), code, 'the focus stays on its unit');
    await eventually('the change is announced', () =>
      page.evaluate(() => window.said.some((text) => /^\d+ đơn vị thay đổi$/.test(text))));
    const readings = await page.evaluate(() =>
      window.readings.filter(({ path }) => path.endsWith('/ranking')).map(({ at }) => Math.round(at)));
    assert.ok(readings.length <= (readings.at(-1) - readings[0]) / 400 + 3, `readings at ${readings}`);
    await close(page);
  });

  test('an open unit changes by itself, and what was open in it stays open', async () => {
    const { units: [unit] } = await ranking();
    const page = await open(`?unit=${unit.code}`);
    await live(page);
    await page.locator('[data-indicator="ckmb"] button').click();
    await stepToNew();
    await whenEqual('its points', async () => ({
      page: await page.locator('#unit .score b').innerText(),
      api: shown((await ranking()).units.find((u) => u.code === unit.code).points),
    }));
    assert.ok(await page.locator('#i-ckmb pre').isVisible());
    await close(page);
  });

  test('stands still while paused, says so, and catches up after', async () => {
    const page = await open();
    await live(page);
    await agree(page);
    await page.locator('#pause').click();
    assert.equal(await page.locator('#state').innerText(), 'Đã tạm dừng');
    assert.match(await page.locator('#since').innerText(), /Đã tạm dừng lúc \d\d:\d\d:\d\d: số liệu trên trang có thể đã đổi/);
    const old = await stepToNew();
    await atRest(page);
    assert.deepEqual(brief(await rows(page)), expected(old.units));
    await page.locator('#pause', { hasText: 'Tiếp tục' }).click();
    await live(page);
    await agree(page);
    assert.equal(await page.locator('#since').count(), 0);
    await close(page);
  });

  test('a restart of the publisher is said and mended, and changes go on coming', async () => {
    const page = await open();
    mayBeUnanswered(page);
    await live(page);
    await agree(page);
    const shownBefore = brief(await rows(page)).length;
    await page.evaluate(() => {
      window.marker = 'no reload';
      window.states = [];
      new MutationObserver(() => window.states.push(document.getElementById('state').dataset.state))
        .observe(document.getElementById('state'), { attributes: true });
    });
    await restart('publisher');
    await eventually('the loss is said', () => page.evaluate(() => window.states.includes('lost')));
    await live(page);
    assert.equal((await rows(page)).length, shownBefore, 'what was read stays');
    await stepToNew();
    await agree(page);
    assert.equal(await page.evaluate(() => window.marker), 'no reload');
    await close(page);
  });

  test('a lost connection is said and mended', async () => {
    const page = await open();
    mayBeUnanswered(page);
    await live(page);
    await page.context().route('**/api/v1/events', (route) => route.abort());
    await page.reload();
    await page.locator('#state', { hasText: 'Mất kết nối – đang nối lại' }).waitFor();
    await page.locator('#since', { hasText: 'Mất kết nối từ' }).waitFor();
    await page.context().unrouteAll();
    await live(page);
    await close(page);
  });

  test('an answer that fails is said, what was read stays, and it mends by itself', async () => {
    const page = await open();
    mayBeUnanswered(page);
    await live(page);
    await page.context().route('**/ranking?*', (route) => route.fulfill({
      status: 503, contentType: 'application/problem+json',
      body: JSON.stringify({ type: 'about:blank', title: 'Đang bảo trì', status: 503, detail: '' }),
    }));
    await page.locator('#pause').click();
    await page.locator('#pause').click(); // Resuming reads anew.
    await page.locator('[role=alert]', { hasText: 'Đang bảo trì' }).waitFor();
    assert.match(await page.locator('[role=alert]').innerText(), /lần đọc trước/);
    assert.equal((await rows(page)).length, 34);
    await page.context().unrouteAll();
    await page.locator('[role=alert]').waitFor({ state: 'detached' });
    await close(page);
  });

  test('before the first answer it says that it loads, and a failure is no empty ranking', async () => {
    const page = await open();
    mayBeUnanswered(page);
    await page.context().route('**/ranking?*', (route) => route.abort());
    await page.reload();
    await page.locator('[role=alert]', { hasText: 'máy chủ không trả lời' }).waitFor();
    assert.equal((await rows(page)).length, 0);
    assert.equal(await page.locator('.empty').count(), 0);
    await page.context().unrouteAll();
    await agree(page);
    await close(page);
  });

  test('a blocked source makes the figures stale in words, and its end mends them', async () => {
    const page = await open();
    await agree(page);
    assert.equal(await page.locator('#stale').count(), 0);
    await control('mode=block');
    try {
      await page.locator('#stale', { hasText: 'Số liệu cũ' }).waitFor();
      await eventually('rows say so too', async () => (await rows(page)).every((r) => r.stale));
      assert.equal((await rows(page)).length, 34, 'the last good figures stay');
    } finally {
      await control('mode=normal');
    }
    await page.locator('#stale').waitFor({ state: 'detached' });
    await eventually('no row is stale', async () => (await rows(page)).every((r) => !r.stale));
    await agree(page);
    await close(page);
  });
});
