// Numbers, times and words as a Vietnamese reader expects them. Scores arrive as decimal strings
// of any precision and are handled as digits: no binary floating point touches a score.

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?$/;

function parse(text) {
  const match = DECIMAL.exec(text ?? '');
  return match && { minus: match[1] === '-', whole: match[2], fraction: match[3] ?? '' };
}

/** Both decimal strings as integers of one scale; null if either is no number. */
function integers(...texts) {
  const numbers = texts.map(parse);
  if (!numbers.every(Boolean)) {
    return null;
  }
  const places = Math.max(...numbers.map((n) => n.fraction.length));
  return numbers.map((n) => BigInt((n.minus ? '-' : '') + n.whole + n.fraction.padEnd(places, '0')));
}

/** -1, 0 or 1, exactly; 0 if either is no number. */
export function compare(a, b) {
  const [x, y] = integers(a, b) ?? [0n, 0n];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** points / max as a CSS percentage with one decimal. */
export function share(points, max) {
  const [x, y] = integers(points, max) ?? [0n, 1n];
  const permille = y > 0n ? String((x * 1000n) / y).padStart(2, '0') : '00';
  return `${permille.slice(0, -1)}.${permille.slice(-1)}%`;
}

function localized(sign, whole, fraction) {
  const grouped = String(BigInt(whole)).replace(/\B(?=(\d{3})+$)/g, '.');
  return sign + grouped + (fraction && `,${fraction}`);
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
export function exact(text) {
  const number = parse(text);
  return number ? localized(number.minus ? '−' : '', number.whole, number.fraction) : (text ?? '–');
}

const VIETNAM = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Asia/Ho_Chi_Minh', dateStyle: 'short', timeStyle: 'medium',
}); // Gives 2025-10-11 20:51:00.

/** ISO UTC → dd/MM/yyyy HH:mm:ss in Vietnam. */
export function time(iso) {
  const date = new Date(iso ?? NaN);
  return Number.isNaN(date.getTime()) ? 'chưa rõ'
    : VIETNAM.format(date).replace(/^(\d+)-(\d+)-(\d+)/, '$3/$2/$1');
}

/** "2025-10-01" → "01/10/2025", "2025-11" → "11/2025". */
export const date = (iso) => iso?.split('-').reverse().join('/') ?? 'chưa rõ';

/** The `lang` of a note, if it is not the page's: notes on how a text is read are often English. */
export const language = (text) => (/\b(the|is|are|of|and|without|prints?)\b/i.test(text) ? 'en' : '');

/** Lower case without diacritics, đ included: what the search compares. */
export function fold(text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/đ/g, 'd').trim();
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

/** [sign, words] of a move between two ranks: ["▲2", "tăng 2 hạng"]. */
export function move(rank, previous) {
  if (!rank || !previous) {
    return ['', ''];
  }
  const steps = Number(previous) - Number(rank);
  return steps > 0 ? [`▲${steps}`, `tăng ${steps} hạng`]
    : steps < 0 ? [`▼${-steps}`, `giảm ${-steps} hạng`] : ['=', 'giữ hạng'];
}

export function periodName(period) {
  const [, year, month] = /^(\d{4})(?:-(\d\d))?$/.exec(period) ?? [];
  return month ? `Tháng ${month}/${year}` : year ? `Năm ${year}` : period;
}

const WORDS = {
  province: 'Tỉnh, thành phố', commune: 'Xã, phường', department: 'Sở, ngành',
  scored: 'Đã chấm', missing: 'Thiếu số liệu', invalid: 'Không hợp lệ',
  undefined: 'Không xác định', excluded: 'Không đánh giá',
  good: 'Đọc tốt', no_data: 'Nguồn chưa có số liệu', blocked: 'Bị nguồn chặn',
  quarantined: 'Đã cách ly để kiểm tra', retrying: 'Đang thử lại',
};

/** The words for a level, a status or an outcome; one not known yet stays as it is. */
export const word = (name) => WORDS[name] ?? name;

export function groupName({ level, parent, parent_name: name }) {
  return word(level) + (parent ? ` – ${name ?? parent}` : '');
}
