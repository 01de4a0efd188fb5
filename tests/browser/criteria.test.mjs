// The criteria of every index: each in the words of its decision, its formula, its notes.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { BOARD, PAGE, PHONE, agree, api, close, eventually, live, mayBeUnanswered, noOverflow, open, parameter, setUp,
  tabTo } from './common.mjs';

setUp();

describe('the criteria', () => {
  const VL = 'vl-province-2025';
  const link = (index) => `?index=${index}&view=criteria`;
  const entry = (page, code) => page.locator(`#criteria details[data-code="${code}"]`);
  const entryNote = (page, code) => entry(page, code).locator('h3', { hasText: /^(Ghi chú cách hiểu|How the text is read)$/ }).locator('+ p');
  const shownCodes = (page) => page.locator('#criteria [data-code]').evaluateAll((all) =>
    all.filter((d) => d.checkVisibility()).map((d) => d.dataset.code));
  const indicatorsOf = (index) => index.pillars.flatMap((p) => p.indicators);

  async function checkAll(page, id) {
    const index = await api(`indexes/${id}`);
    await page.locator('h1', { hasText: index.title }).waitFor();
    await entry(page, indicatorsOf(index)[0].code).waitFor();
    const seen = await page.locator('#criteria [data-pillar]').evaluateAll((pillars) => pillars.map((pillar) => ({
      heading: pillar.querySelector('h2').innerText,
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
    assert.equal(await parameter(page, 'index'), VL);
    assert.ok(await page.locator('#ranking').isHidden());
    assert.ok(await page.locator('#to-ranking').isHidden());
    assert.match(await page.locator('.notice').innerText(), /chưa có kết quả/);
    assert.equal(await page.locator('#to-criteria').getAttribute('aria-current'), 'page');
    assert.match(await page.locator('#message').innerText(), /^47 tiêu chí trong 8 nhóm/);
    const facts = await page.locator('#criteria .facts').innerText();
    for (const part of ['1474/QĐ-UBND', '01/10/2025', index.issuer, 'Tỉnh, thành phố, năm', '1.000', '47']) {
      assert.ok(facts.includes(part), `${part} in ${facts}`);
    }
    await page.locator('#index').selectOption(BOARD.index);
    await agree(page);
    assert.ok(await page.locator('#criteria').isHidden());
    await close(page);
  });

  test('open from a deep link; formula, inputs, text and the rest of 7.5 are behind its summary', async () => {
    const page = await open(link(VL));
    const indicator = indicatorsOf(await checkAll(page, VL)).find((i) => i.code === '7.5');
    const details = entry(page, '7.5');
    assert.ok(await details.locator('pre').isHidden());
    await details.locator('summary').click();
    await details.locator('pre').waitFor();
    assert.equal(await details.locator('pre').innerText(), indicator.formula.trim());
    assert.equal(await details.locator('.official').innerText(), indicator.text);
    assert.deepEqual(await details.locator('tbody tr').evaluateAll((all) =>
      all.map((tr) => [...tr.cells].map((cell) => cell.textContent))),
    indicator.inputs.map(({ name, title, unit, provider }) =>
      [name, title, unit, { statistics: 'thống kê', unit: 'đơn vị báo cáo' }[provider]]));
    assert.equal(await entryNote(page, '7.5').innerText(), indicator.note);
    const text = await details.innerText();
    for (const part of [indicator.lead, indicator.coordinators, indicator.work, indicator.frequency, indicator.basis]) {
      assert.ok(text.includes(part), `${part} in ${text}`);
    }
    await page.locator('#pause').click();
    await page.locator('#pause').click(); // Resuming reads anew:
    await live(page);
    await details.locator('pre').waitFor();
    const notes = page.locator('#criteria .notes');
    assert.ok(await notes.locator('li').first().isHidden());
    await notes.locator('summary').click();
    assert.deepEqual(await notes.locator('li:visible').allInnerTexts(), (await api(`indexes/${VL}`)).notes);
    assert.equal(await page.locator('#criteria [lang]').count(), 0, 'all of it is Vietnamese, as the page');
    await close(page);
  });

  test('keep their notes Vietnamese on the English page, and say so', async () => {
    const page = await open(`${link(VL)}&indicator=7.5&lang=en`);
    const { notes, pillars } = await api(`indexes/${VL}`);
    const { note } = indicatorsOf({ pillars }).find((i) => i.code === '7.5');
    await entryNote(page, '7.5').waitFor();
    assert.equal(await entryNote(page, '7.5').innerText(), note);
    assert.equal(await entryNote(page, '7.5').getAttribute('lang'), 'vi');
    await page.locator('#criteria .notes summary').click();
    assert.deepEqual(await page.locator('#criteria .notes [lang=vi] li:visible').allInnerTexts(), notes);
    await close(page);
  });

  test('are found without diacritics, and open and close together', async () => {
    const page = await open(link(VL));
    const { length } = await shownCodes(page);
    await page.locator('#search').fill('ten mien');
    assert.deepEqual(await shownCodes(page), ['7.5']);
    assert.equal(await page.locator('#criteria [data-pillar]:visible').count(), 1);
    assert.equal(await page.locator('#message').innerText(), `1 trên ${length} tiêu chí`);
    await page.locator('#open-all').click();
    await entry(page, '7.5').locator('pre').waitFor();
    await page.locator('#search').fill('không có');
    assert.deepEqual(await shownCodes(page), []);
    assert.match(await page.locator('#message').innerText(), /Không có tiêu chí nào khớp/);
    await page.locator('#search').fill('');
    await eventually('1 open', async () => await page.locator('#criteria pre:visible').count() === 1);
    await page.locator('#open-all').click();
    await eventually('length open', async () => await page.locator('#criteria pre:visible').count() === length);
    await page.locator('#close-all').click();
    await eventually('0 open', async () => await page.locator('#criteria pre:visible').count() === 0);
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
    const page = await open();
    await agree(page);
    await page.locator('#search').fill('bac');
    await page.getByRole('link', { name: 'Tiêu chí', exact: true }).click();
    await checkAll(page, BOARD.index);
    assert.equal((await shownCodes(page)).length, 6);
    assert.equal(await page.locator('#search').inputValue(), '');
    for (const id of ['ranking', 'unit', 'level', 'period']) {
      assert.ok(await page.locator(`#${id}`).isHidden(), id);
    }
    assert.equal(await parameter(page, 'view'), 'criteria');
    await eventually('the title follows', async () => /^Tiêu chí – /.test(await page.title()));
    await page.getByRole('link', { name: 'Xếp hạng', exact: true }).click();
    await agree(page);
    assert.ok(await page.locator('#asof').isVisible());
    assert.ok(await page.locator('#criteria').isHidden());
    await page.goBack();
    await entry(page, 'tttt').waitFor();
    await page.goBack();
    await page.locator('#ranking tbody tr').first().waitFor();
    assert.equal(await page.locator('#search').inputValue(), 'bac');
    assert.ok(await page.locator('#criteria').isHidden());
    await close(page);

    const other = await open(link(BOARD.index));
    await checkAll(other, BOARD.index);
    await other.getByRole('link', { name: 'Xếp hạng', exact: true }).click();
    await agree(other);
    await close(other);
  });

  test('need no mouse', async () => {
    const page = await open();
    await page.locator('#to-criteria').focus();
    await page.keyboard.press('Enter');
    await entry(page, 'ckmb').waitFor();
    const summary = entry(page, 'ckmb').locator('summary');
    await tabTo(page, summary, 20);
    await page.keyboard.press('Enter');
    await entry(page, 'ckmb').locator('pre').waitFor();
    await page.keyboard.press('Space');
    await entry(page, 'ckmb').locator('pre').waitFor({ state: 'hidden' });
    await close(page);
  });

  test('of every index are all there and fit a phone', async () => {
    const page = await open('', PHONE);
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
    mayBeUnanswered(page);
    await page.context().route(`**/api/v1/indexes/${VL}`, (route) => route.fulfill({ status: 503, body: '' }));
    await page.locator('#index').selectOption(VL);
    await page.locator('[role=alert]', { hasText: 'máy chủ trả lời 503' }).waitFor();
    await page.context().unrouteAll();
    await checkAll(page, VL);
    assert.equal(await page.locator('[role=alert]').count(), 0);
    await close(page);
  });
});
