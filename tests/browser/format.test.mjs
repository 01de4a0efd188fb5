// Numbers as the page says them: exactly, from strings. No browser is needed.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { brief, compare, coverage, exact, finder, parseDate, permille, shown, subtract, time } from '../../web/src/format.js';
import { setLanguage } from '../../web/src/language.js';

const each = (of, cases) => {
  for (const [given, wanted] of cases) {
    assert.equal(of(...[given].flat()), wanted, JSON.stringify(given));
  }
};

test('two decimals, half up of the magnitude', () => each(shown, [
  ['0.005', '0,01'], ['1.005', '1,01'], ['99.994999', '99,99'], ['99.995', '100,00'],
  ['1234567.1', '1.234.567,10'], ['8', '8,00'], ['-0.125', '−0,13'], [[null], '–'],
  [['0.05', true], '+0,05'], [['-0.12', true], '−0,12'], [['0', true], '0,00'], [['0.000', true], '0,00'],
]));

test('every digit', () => {
  each(exact, [['91.640000', '91,640000'], ['1000', '1.000'], ['12345678901234567890.123456', '12.345.678.901.234.567.890,123456']]);
  each(brief, [['18.00', '18'], ['100', '100'], ['7.50', '7,5'], ['0.0', '0']]);
});

test('a coverage is never rounded up to a whole', () => each(coverage, [
  ['1.000000', '100 %'], ['0.999999', '99 %'], ['0', '0 %'], [[null], '–'],
]));

test('comparisons and differences are exact', () => {
  each(compare, [[['9.9', '10'], -1], [['1.50', '1.5'], 0], [['0.1000000000000000000001', '0.1'], 1],
    [['-2', '-10'], 1], [['9007199254740993', '9007199254740992'], 1]]);
  each(subtract, [[['18', '15.64'], '2.36'], [['0.1', '0.3'], '-0.2'], [['10.00', '10'], '0.00'],
    [['0', '0.005'], '-0.005'], [['9007199254740993', '9007199254740992'], '1'], [['1', null], null]]);
  each(permille, [[['91.69', '100'], 916], [['0', '10'], 0], [['1', '0'], 0]]);
});

test('in English a point and commas', () => {
  setLanguage('en');
  each(shown, [['1234567.1', '1,234,567.10'], [['0.05', true], '+0.05']]);
  setLanguage('vi');
});

test('times are Vietnam\'s, day first', () => each(time, [
  ['2026-11-22T18:09:48.101Z', '23/11/2026 01:09:48'], [[null], ''], ['x', ''],
]));

test('days are typed day first; what is no day is none', () => each(parseDate, [
  ['12/10/2025', '2025-10-12'], ['1/2/2025', '2025-02-01'], ['31/02/2025', null], ['2025-10-12', null], ['', null],
]));

test('words are found without diacritics, đ too', () => {
  assert.ok(finder('da nang')('Thành phố Đà Nẵng'));
  assert.ok(finder('ĐẮK')('Tỉnh Đắk Lắk'));
  assert.ok(finder('')('x') && !finder('da lat')('Thành phố Đà Nẵng'));
});
