// The provinces as a grid of equal tiles, each about where it lies: no province is small on it. A
// list of links; the ranking beside it is its table.

import { brief, compare, shown, splitName } from './format.js';
import { link } from './address.js';
import { t, vietnamese } from './i18n.js';

// Code of the statistical office → [column, row].
const PLACES = {
  12: [1, 0], 15: [2, 0], '08': [3, 0], '04': [4, 0],
  11: [0, 1], 14: [1, 1], 25: [2, 1], 19: [3, 1], 20: [4, 1],
  '01': [2, 2], 24: [3, 2], 22: [4, 2],
  37: [2, 3], 33: [3, 3], 31: [4, 3],
  38: [2, 4],
  40: [1, 5], 42: [2, 5],
  44: [2, 6], 46: [3, 6],
  48: [3, 7],
  51: [3, 8],
  52: [3, 9],
  66: [3, 10],
  80: [1, 11], 75: [2, 11], 68: [3, 11], 56: [4, 11],
  91: [0, 12], 82: [1, 12], 79: [2, 12],
  96: [0, 13], 92: [1, 13], 86: [2, 13],
};
// The archipelagos stand with the unit they belong to.
const ISLANDS = [
  { name: 'Hoàng Sa', of: '48', province: 'Đà Nẵng', place: [5, 7] },
  { name: 'Trường Sa', of: '56', province: 'Khánh Hòa', place: [5, 12] },
];
const SHORT = { 79: 'TP. HCM' };
const CLASSES = 5;

/** Up to five classes of about as many units each, of equal values alike: code → class, and their ranges. */
export function classify(entries) {
  const known = entries.filter((e) => e.value !== null).sort((a, b) => compare(a.value, b.value));
  const classes = new Map();
  const ranges = Array.from({ length: CLASSES }, () => null);
  let before = null;
  known.forEach((e, i) => {
    const level = before !== null && compare(before.value, e.value) === 0
      ? classes.get(before.code) : Math.floor((i * CLASSES) / known.length);
    classes.set(e.code, level);
    ranges[level] = [ranges[level]?.[0] ?? e.value, e.value];
    before = e;
  });
  return { classes, ranges: ranges.map((r, level) => r && { level, low: r[0], high: r[1] }).filter(Boolean) };
}

const place = ([column, row]) => ({ gridColumn: column + 1, gridRow: row + 1 });

function Tile({ unit, value, level }) {
  const [, name] = splitName(unit.name);
  return (
    <li style={place(PLACES[unit.code])}>
      <a href={link({ unit: unit.code })} class={`tile ${level === undefined ? 'none' : `shade-${level}`}`}
        title={unit.name}>
        <span lang={vietnamese()}>{SHORT[unit.code] ?? name}</span>
        <b>{value === null ? '–' : shown(value)}</b>
        <span class="sr">{unit.rank ? t('hạng {rank}', { rank: unit.rank }) : t('chưa xếp hạng')}</span>
      </a>
    </li>
  );
}

/** `metric`: {title, max, of(unit)}: what is coloured, total points or those of one pillar. */
export function TileMap({ units, metric, controls }) {
  const placed = units.filter((u) => PLACES[u.code]);
  const { classes, ranges } = classify(placed.map((u) => ({ code: u.code, value: metric.of(u) })));
  const known = new Map(placed.map((u) => [u.code, u]));
  return (
    <section class="map card" aria-labelledby="map-title">
      <div class="spread">
        <h2 id="map-title">{t('Bản đồ ô')}</h2>
        {controls}
      </div>
      <p class="hint">{t('{metric}, tối đa {max}. Bảng của bản đồ là bảng xếp hạng.', { metric: metric.title, max: brief(metric.max) })}</p>
      <a class="skip inline" href="#after-map">{t('Bỏ qua bản đồ')}</a>
      <ul class="tiles">
        {placed.map((u) => <Tile key={u.code} unit={u} value={metric.of(u)} level={classes.get(u.code)} />)}
        <li class="sea" lang={vietnamese()}>Biển Đông</li>
        {ISLANDS.filter((i) => known.has(i.of)).map((i) => (
          <li key={i.name} style={place(i.place)}>
            <a href={link({ unit: i.of })} tabIndex={-1} class={`tile island shade-${classes.get(i.of) ?? 'none'}`}
              title={t('{name}, thuộc {province}', { name: i.name, province: i.province })}>
              <span lang={vietnamese()}>{i.name}</span>
              <small lang={vietnamese()}>({i.province})</small>
            </a>
          </li>
        ))}
      </ul>
      <ul class="key shades" aria-label={t('Chú giải')}>
        {ranges.map((r) => (
          <li key={r.level}><i class={`shade-${r.level}`} />
            {r.low === r.high ? shown(r.low) : `${shown(r.low)} – ${shown(r.high)}`}</li>
        ))}
        {placed.length > classes.size && <li><i class="none" />{t('chưa có điểm')}</li>}
      </ul>
      <span id="after-map" tabIndex={-1} />
    </section>
  );
}

