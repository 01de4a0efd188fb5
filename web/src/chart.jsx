// Lines over time, drawn by hand: a result holds until its next revision, so a line goes in steps.
// Pixels are worked out in binary floating point; what is read stands in the table beside a chart.

import { exact, time } from './format.js';
import { t } from './i18n.js';
import { Scroll, TableOf, useWidth } from './parts.jsx';

const HEIGHT = 220;
const MARGIN = { top: 14, right: 16, bottom: 26, left: 48 };
const DASHES = [null, '7 4', '2 3', '10 3 2 3', '4 2', '1 4'];

const at = (p) => Date.parse(p.at);

function range(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low) * 0.12 || Math.max(Math.abs(high) * 0.01, 0.5);
  return [low - room, high + room];
}

/** Round numbers inside a range, about `count` of them. */
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((s) => s >= rough);
  const places = Math.max(0, -Math.floor(Math.log10(step)));
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) {
    found.push(v.toFixed(places));
  }
  return found;
}

/** The path of one line from its points, oldest first, up to the right edge. */
function steps(points, x, y, end) {
  let path = '';
  for (const p of points) {
    path += path ? `H${x(at(p)).toFixed(1)}V${y(Number(p.value)).toFixed(1)}`
      : `M${x(at(p)).toFixed(1)} ${y(Number(p.value)).toFixed(1)}`;
  }
  return `${path}H${end.toFixed(1)}`;
}

/** A word-sized line without axes; `label` says in words what it shows. */
export function Sparkline({ points, label }) {
  if (points.length < 2) {
    return <span class="hint">–</span>;
  }
  const [low, high] = range(points.map((p) => Number(p.value)));
  const [from, to] = [at(points[0]), at(points.at(-1))];
  const x = (ms) => 1 + ((ms - from) / (to - from || 1)) * 70;
  const y = (v) => 19 - ((v - low) / (high - low)) * 18;
  return (
    <svg class="sparkline" viewBox="0 0 76 20" width="76" height="20" role="img" aria-label={label}>
      <path d={steps(points, x, y, 72)} />
      <circle cx="72" cy={y(Number(points.at(-1).value)).toFixed(1)} r="2.2" />
    </svg>
  );
}

/** `lines`: [{name, points: [{at, value}]}], each oldest first. */
export function TimeChart({ title, lines, now }) {
  const [box, width] = useWidth(640);
  const drawn = lines.filter((l) => l.points.length);
  if (!drawn.length) {
    return null;
  }
  const all = drawn.flatMap((l) => l.points);
  const [low, high] = range(all.map((p) => Number(p.value)));
  const from = Math.min(...all.map(at));
  const to = Math.max(now, ...all.map(at), from + 1000);
  const right = width - MARGIN.right;
  const x = (ms) => MARGIN.left + ((ms - from) / (to - from)) * (right - MARGIN.left);
  const y = (v) => HEIGHT - MARGIN.bottom - ((v - low) / (high - low)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const days = to - from > 2 * 86400000;
  const say = (ms) => (days ? time(new Date(ms).toISOString()).slice(0, 10) : time(new Date(ms).toISOString()).slice(11));
  const stops = width > 480 ? [0, 0.5, 1] : [0, 1];
  return (
    <figure class="chart" ref={box}>
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} width={width} height={HEIGHT} role="img"
        aria-label={t('{title}; các số trong bảng bên dưới', { title })}>
        {ticks(low, high, 4).map((v) => (
          <g key={v}>
            <path class="grid" d={`M${MARGIN.left} ${y(Number(v)).toFixed(1)}H${right}`} />
            <text x={MARGIN.left - 8} y={y(Number(v)) + 4} text-anchor="end">{exact(v)}</text>
          </g>
        ))}
        {stops.map((s) => (
          <text key={s} x={MARGIN.left + s * (right - MARGIN.left)} y={HEIGHT - 6}
            text-anchor={s === 0 ? 'start' : s === 1 ? 'end' : 'middle'}>{say(from + s * (to - from))}</text>
        ))}
        {drawn.map((l, i) => (
          <path key={l.name} class={`line line-${i}`} stroke-dasharray={DASHES[i % DASHES.length]}
            d={steps(l.points, x, y, right)} />
        ))}
      </svg>
      {drawn.length > 1 && (
        <ul class="key">
          {drawn.map((l, i) => (
            <li key={l.name}>
              <svg width="28" height="10" aria-hidden="true"><path class={`line line-${i}`}
                stroke-dasharray={DASHES[i % DASHES.length]} d="M1 5H27" /></svg>{l.name}
            </li>
          ))}
        </ul>
      )}
      <TableOf label={t('Bảng số liệu của biểu đồ')}>
        <Scroll label={title}>
          <table>
            <caption>{title}</caption>
            <thead><tr><th scope="col">{t('Số liệu lúc')}</th>{drawn.length > 1 && <th scope="col">{t('Đơn vị')}</th>}
              <th scope="col" class="num">{t('Điểm')}</th></tr></thead>
            <tbody>
              {drawn.flatMap((l) => l.points.map((p) => ({ ...p, name: l.name })))
                .sort((a, b) => at(b) - at(a)).slice(0, 200)
                .map((p) => (
                  <tr key={`${p.name} ${p.at} ${p.value}`}><th scope="row">{time(p.at)}</th>
                    {drawn.length > 1 && <td>{p.name}</td>}<td class="num">{exact(p.value)}</td></tr>
                ))}
            </tbody>
          </table>
        </Scroll>
      </TableOf>
    </figure>
  );
}

/** The answer of /history, oldest first, as points of a line. */
export const linePoints = (revisions) => [...revisions].reverse()
  .filter((r) => r.points !== null).map((r) => ({ at: r.as_of, value: r.points }));
