// Without JavaScript the ranking is there all the same, and says of when it is.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { BOARD, PAGE, api, close, eventually, open, ranking, setUp, settled, shown, vietnamTime } from './common.mjs';

setUp();

describe('without JavaScript', () => {
  const options = { javaScriptEnabled: false };
  const table = (page) => page.locator('main tbody tr').evaluateAll((all) =>
    all.map((tr) => [...tr.cells].map((c) => c.textContent.trim())));

  test('the provinces stand in the order and with the points of the API', async () => {
    const page = await open('', options);
    await settled(async () => {
      await page.reload();
      const { units, as_of: asOf } = await ranking();
      assert.deepEqual(await table(page), units.map((u) => [u.rank, u.name, shown(u.points), shown(u.percent)]));
      assert.ok((await page.locator('main').innerText()).includes(`Số liệu tính đến ${vietnamTime(asOf)} (giờ Việt Nam)`));
    });
    await close(page);
  });

  test('the address says which ranking, and each of them is a link away', async () => {
    const group = (await api('indexes')).indexes.find((i) => i.id === BOARD.index).levels
      .find((l) => l.level === 'department' && l.period === '2025-10');
    const page = await open('', options);
    assert.ok(await page.locator('main a', { hasText: `của ${group.parent_name}, kỳ` }).count() > 0);
    await page.locator(`main a[href*="level=department"][href*="period=2025-10"]`).click();
    await eventually('its departments', async () => (await table(page)).length === Number(group.units));
    assert.ok((await page.locator('main caption').innerText()).includes(`Sở, ngành của ${group.parent_name} · kỳ 2025-10`));
    await close(page);
  });

  test('nothing of an address gets into the page', async () => {
    const answer = await fetch(new URL('?index=%3Cscript%3Ealert(1)%3C/script%3E&parent=%22%3E', PAGE));
    const text = await answer.text();
    assert.ok(!text.includes('alert(1)') && text.includes('Bắc Ninh'));
    assert.match(answer.headers.get('content-security-policy'), /default-src 'self'/);
  });
});
