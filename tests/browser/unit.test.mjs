// One unit: everything the API says of it, and the way from a number to its proof.

import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { PAGE, PHONE, agree, api, close, eventually, focused, mayBeUnanswered, noOverflow, open, parameter, ranking,
  setUp, settled, shown, millionths, unitOf, vietnamTime, BOARD } from './common.mjs';

setUp();

describe('one unit', () => {
  let first;
  before(async () => { ({ units: [first] } = await ranking()); });

  const checkDetail = (page) => settled(() => compareDetail(page));

  async function compareDetail(page) {
    const unit = await unitOf(first.code);
    const view = page.locator('#unit');
    await view.locator('.score').waitFor();
    assert.equal(await view.locator('h1').innerText(), unit.unit.name);
    assert.ok((await view.locator('.score').innerText()).startsWith(shown(unit.points)));
    const bars = await view.locator('.bars tbody tr').allInnerTexts();
    assert.equal(bars.length, 6);
    unit.pillars.forEach((p, i) => [p.title, shown(p.points), `/ ${p.max}`, `mất ${lost(p)}`].forEach((part) =>
      assert.ok(bars[i].includes(part), `${part} in ${bars[i]}`)));
    for (const indicator of unit.pillars.flatMap((p) => p.indicators)) {
      const row = await view.locator(`[data-indicator="${indicator.code}"]`).innerText();
      for (const part of [indicator.title, 'Đã chấm', shown(indicator.points)]) {
        assert.ok(row.includes(part), `${part} in ${row}`);
      }
    }
    const { revisions } = await api(`indexes/${BOARD.index}/${BOARD.period}/units/${first.code}/history`);
    assert.equal(await view.locator('.history tbody tr').count(), Math.min(50, revisions.length));
    assert.ok((await view.locator('.history tbody tr').first().innerText()).includes(shown(revisions[0].points)));
    assert.equal(await view.locator('.sources tbody tr').count(), unit.sources.length);
  }

  const lost = ({ points, max }) => {
    const rest = millionths(max) - millionths(points);
    return shown(`${rest / 1000000n}.${String(rest % 1000000n).padStart(6, '0')}`);
  };

  test('opens from its name, and the back button and its link lead back', async () => {
    const page = await open();
    await page.locator(`#ranking tr[data-code="${first.code}"] a`).click();
    await checkDetail(page);
    assert.equal(await parameter(page, 'unit'), first.code);
    await eventually('the focus goes to the heading', () => focused(page.locator('#unit h1')));
    await page.locator('#back').click();
    await agree(page);
    assert.equal(await parameter(page, 'unit'), null);
    await page.goBack();
    await checkDetail(page);
    await close(page);
  });

  test('two clicks lead from a number of the ranking to its formula, source and raw answer', async () => {
    const page = await open('?columns=pillars');
    await page.locator(`#ranking tr[data-code="${first.code}"] [data-pillar="ckmb"]`).click();
    await page.locator('[data-indicator="ckmb"] button').click();
    const detail = page.locator('#i-ckmb');
    await settled(async () => {
      const unit = await unitOf(first.code);
      const indicator = unit.pillars.flatMap((p) => p.indicators).find((i) => i.code === 'ckmb');
      const [figure] = indicator.figures;
      assert.equal(await detail.locator('pre').innerText(), indicator.formula.trim());
      const text = await detail.locator(`[data-figure="${figure.id}"]`).innerText();
      for (const part of [figure.value.replace('.', ','), figure.source, figure.series,
        vietnamTime(figure.fetched_at), figure.raw_sha256.slice(0, 8)]) {
        assert.ok(text.includes(part), `${part} in ${text}`);
      }
      assert.equal(await detail.locator('a').first().getAttribute('href'), new URL(`api/v1/raw/${figure.raw_sha256}`, PAGE).href);
    });
    assert.equal(await parameter(page, 'indicator'), 'ckmb');
    const raw = await fetch(await detail.locator('a').first().getAttribute('href'));
    assert.equal(raw.status, 200);
    assert.equal(createHash('sha256').update(Buffer.from(await raw.arrayBuffer())).digest('hex'),
      await detail.locator('code').first().getAttribute('title'));
    await close(page);
  });

  test('opens from a deep link, with what was open', async () => {
    const page = await open(`?unit=${first.code}&indicator=tdgq`);
    await checkDetail(page);
    assert.ok(await page.locator('#i-tdgq pre').isVisible());
    assert.ok(await page.locator('#i-ckmb').isHidden());
    await close(page);
  });

  test('needs no mouse: a criterion opens and closes with Enter', async () => {
    const page = await open(`?unit=${first.code}`);
    const button = page.locator('[data-indicator="clgq"] button');
    await button.focus();
    await page.keyboard.press('Enter');
    await page.locator('#i-clgq pre').waitFor();
    assert.equal(await button.getAttribute('aria-expanded'), 'true');
    assert.ok(await focused(button));
    await page.keyboard.press('Enter');
    assert.ok(await page.locator('#i-clgq').isHidden());
    await close(page);
  });

  test('shows only what loses points when asked', async () => {
    const page = await open(`?unit=${first.code}`);
    await page.locator('#lost').check();
    await settled(async () => {
      const unit = await unitOf(first.code);
      const losing = unit.pillars.flatMap((p) => p.indicators)
        .filter((i) => millionths(i.points) < millionths(i.max)).map((i) => i.code);
      assert.deepEqual(await page.locator('[data-indicator]').evaluateAll((all) => all.map((r) => r.dataset.indicator)), losing);
    });
    await close(page);
  });

  test('its chart has its table', async () => {
    const page = await open(`?unit=${first.code}`);
    await page.locator('.chart svg[role=img]').waitFor();
    await page.locator('.chart summary').click();
    await settled(async () => {
      const { revisions } = await api(`indexes/${BOARD.index}/${BOARD.period}/units/${first.code}/history`);
      const row = await page.locator('.chart tbody tr').first().innerText();
      assert.ok(row.includes(vietnamTime(revisions[0].as_of)) && row.includes(revisions[0].points.replace('.', ',')), row);
    });
    await close(page);
  });

  test('its official form is a click away', async () => {
    const page = await open(`?unit=${first.code}`);
    const form = await fetch(await page.locator('#form').evaluate((a) => a.href));
    assert.equal(form.status, 200);
    assert.ok((await form.text()).includes(first.name));
    await close(page);
  });

  test('that does not exist is said so', async () => {
    const page = await open();
    mayBeUnanswered(page); // the 404
    await page.goto(new URL('?unit=99', PAGE).href);
    await page.locator('.empty', { hasText: 'Không có kết quả của đơn vị này' }).waitFor();
    await close(page);
  });

  test('fits a phone', async () => {
    const page = await open(`?unit=${first.code}&indicator=ckmb`, PHONE);
    await checkDetail(page);
    await noOverflow(page);
    await close(page);
  });
});
