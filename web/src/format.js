// Numbers and times as the reader expects them. Scores arrive as decimal strings of any precision
// and are handled as digits: no binary floating point touches a score that is shown.

import { getLanguage } from './language.js';

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?$/;

function parse(text) {
  const match = DECIMAL.exec(text ?? '');
  return match && { minus: match[1] === '-', whole: match[2], fraction: match[3] ?? '' };
}

/** The decimal strings as integers of one scale, and the scale; null if any is no number. */
function integers(...texts) {
  const numbers = texts.map(parse);
  if (!numbers.every(Boolean)) {
    return null;
  }
  const places = Math.max(...numbers.map((n) => n.fraction.length));
  return [...numbers.map((n) =>
    BigInt((n.minus ? '-' : '') + n.whole + n.fraction.padEnd(places, '0'))), places];
}

/** -1, 0 or 1, exactly; 0 if either is no number. */
export function compare(a, b) {
  const [x, y] = integers(a, b) ?? [0n, 0n];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** a − b, exactly, as a decimal string; null if either is no number. */
export function subtract(a, b) {
  const [x, y, places] = integers(a, b) ?? [];
  if (places === undefined) {
    return null;
  }
  const digits = String(x < y ? y - x : x - y).padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  return (x < y ? '-' : '') + whole + (places ? `.${digits.slice(-places)}` : '');
}

/** points / max in thousandths, rounded down: for widths and shades, never for what is read. */
export function permille(points, max) {
  const [x, y] = integers(points, max) ?? [0n, 0n];
  return y > 0n ? Number((x * 1000n) / y) : 0;
}

/** points / max as a CSS percentage with one decimal. */
export const share = (points, max) => `${permille(points, max) / 10}%`;

function localized(sign, whole, fraction) {
  const [group, point] = getLanguage() === 'en' ? [',', '.'] : ['.', ','];
  return sign + String(BigInt(whole)).replace(/\B(?=(\d{3})+$)/g, group) + (fraction && point + fraction);
}

/** "91.645" → "91,65": two decimals, half up (of the magnitude). null is –, other text stays. */
export function shown(text, signed = false) {
  const number = parse(text);
  if (!number) {
    return text ?? '–';
  }
  const digits = number.fraction.padEnd(3, '0');
  const up = digits[2] >= '5' ? 1n : 0n;
  const rounded = String(BigInt(number.whole + digits.slice(0, 2)) + up).padStart(3, '0');
  const sign = number.minus ? '−' : signed && /[1-9]/.test(text) ? '+' : '';
  return localized(sign, rounded.slice(0, -2), rounded.slice(-2));
}

/** The same number with every digit it came with. */
export function exact(text, signed = false) {
  const number = parse(text);
  return number ? localized(number.minus ? '−' : signed && /[1-9]/.test(text) ? '+' : '',
    number.whole, number.fraction) : (text ?? '–');
}

/** The same number without the zeros at its end: a maximum of "18.00" is 18. */
export const brief = (text) => exact(/\./.test(text ?? '') ? text.replace(/\.?0+$/, '') : text);

/** A share 0…1 such as "0.973214" → "97 %", never rounded up to a whole. */
export function coverage(text) {
  const thousandths = parse(text) ? permille(text, '1') : null;
  return thousandths === null ? '–' : `${Math.floor(thousandths / 10)} %`;
}

const VIETNAM = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Asia/Ho_Chi_Minh', dateStyle: 'short', timeStyle: 'medium',
}); // Gives 2025-10-11 20:51:00.

/** ISO UTC → dd/MM/yyyy HH:mm:ss in Vietnam; '' when it is no time. */
export function time(iso) {
  const date = new Date(iso ?? NaN);
  return Number.isNaN(date.getTime()) ? ''
    : VIETNAM.format(date).replace(/^(\d+)-(\d+)-(\d+)/, '$3/$2/$1');
}

/** Milliseconds → HH:mm:ss in Vietnam. */
export const clock = (ms) => VIETNAM.format(new Date(ms)).slice(11);

/** The day in Vietnam, "2025-10-11", `back` days before `ms`. */
export const day = (ms, back = 0) => VIETNAM.format(new Date(ms - back * 86400000)).slice(0, 10);

/** The start of a day in Vietnam (UTC+7 all year) → ISO UTC. */
export const startOf = (isoDay) => new Date(`${isoDay}T00:00:00+07:00`).toISOString();

/** "2025-10-01" → "01/10/2025", "2025-11" → "11/2025". */
export const date = (iso) => iso?.split('-').reverse().join('/');

/** "12/10/2025" → "2025-10-12"; null when it is no day. */
export function parseDate(text) {
  const [, d, m, y] = /^\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\s*$/.exec(text) ?? [];
  const iso = y && `${y}-${m.padStart(2, '0')}-${d.padStart(2, '0')}`;
  const date = new Date(`${iso}T00:00:00Z`);
  return iso && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(iso) ? iso : null;
}

/** Lower case without diacritics, đ included: what the search compares. */
export function fold(text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/đ/g, 'd').trim();
}

/** Whether the text holds all the words of the query, diacritics aside. */
export function finder(query) {
  const words = fold(query ?? '').split(/\s+/);
  return (text) => {
    const folded = fold(text);
    return words.every((w) => folded.includes(w));
  };
}

/** "Tỉnh Bắc Ninh" → ["Tỉnh", "Bắc Ninh"]: lists are looked up by the proper name. */
export function splitName(name) {
  const match = /^((?:UBND )?(?:tỉnh|thành phố|phường|xã|đặc khu|sở)) (.+)$/iu.exec(name);
  return match ? match.slice(1) : ['', name];
}

const { compare: collate } = new Intl.Collator('vi');

export function compareNames(a, b) {
  return collate(splitName(a)[1], splitName(b)[1]) || collate(a, b);
}
