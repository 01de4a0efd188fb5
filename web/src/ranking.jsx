// The ranking: a table that sorts, finds and changes in place, beside the map.

import { Component } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import * as api from './api.js';
import { go, here, link, readSort } from './address.js';
import { Sparkline } from './chart.jsx';
import { brief, compare, compareNames, coverage, date, exact, finder, shown } from './format.js';
import { t, vietnamese } from './i18n.js';
import { isOf, useReading } from './reading.js';
import { TileMap } from './map.jsx';
import { Bar, Change, Download, Empty, Heading, Loading, Move, Name, Scroll, StaleBadge, Trouble } from './parts.jsx';
import { announce, useFreshness } from './store.js';
import { useTrend } from './trends.js';
import { groupName, periodName, word } from './words.js';

const HIGHLIGHT_MS = 5000;
const SAY_MS = 1500;
const ROWS = 200; // Drawn at first; a nation of communes has 3,321.

/** By a decimal string, the unknown last in both directions. */
const byDecimal = (read) => (a, b, direction) => {
  const [x, y] = [read(a) ?? '', read(b) ?? ''];
  return x && y ? direction * compare(x, y) : Boolean(y) - Boolean(x);
};
const byRank = byDecimal((unit) => unit.rank && `${unit.rank}`);
const byName = (a, b, direction) => direction * compareNames(a.name, b.name);
const pillarOf = (unit, code) => unit.pillars.find((p) => p.code === code);

/** Which share of the maximum is scored; the API says it, or what it is made of. */
export const coverageOf = (unit) => unit.coverage ?? null;

function columnsOf(pillars, { withPillars, withCoverage }) {
  return [
    { key: 'rank', label: t('Hạng'), compare: byRank, first: 1, look: 'rank' },
    { key: 'name', label: t('Đơn vị'), compare: byName, first: 1, look: 'name' },
    { key: 'points', label: t('Điểm'), compare: byDecimal((u) => u.points), look: 'num points' },
    { key: 'percent', label: '%', compare: byDecimal((u) => u.percent), look: 'num' },
    { key: 'change', label: t('Thay đổi'), compare: byDecimal((u) => u.change), look: 'num' },
    withCoverage && { key: 'coverage', label: t('Độ phủ'), compare: byDecimal(coverageOf), look: 'num' },
    !withPillars && { key: 'trend', label: t('Diễn biến'), look: 'trend' },
    ...(withPillars ? pillars.map(({ code, title, max }) => ({
      key: code, label: title, max, look: 'num pillar', compare: byDecimal((u) => pillarOf(u, code)?.points),
    })) : []),
  ].filter(Boolean);
}

function Trend({ view, unit, days }) {
  const element = useRef();
  const last = useTrend(view, unit, element, !days);
  const points = days ?? last;
  return (
    <td class="trend" ref={element}>
      {points && <Sparkline points={points} label={points.length < 2 ? ''
        : t('từ {from} đến {to} trong {n} lần', { n: points.length,
          from: shown(points[0].value), to: shown(points.at(-1).value) })} />}
    </td>
  );
}

/** Drawn again only when its unit or its look has changed. */
class Row extends Component {
  shouldComponentUpdate(next) {
    return next.said !== this.props.said || next.columns !== this.props.columns
      || next.changed !== this.props.changed || next.days !== this.props.days;
  }

  render({ unit, view, columns, changed, days }) {
    const to = link({ unit: unit.code });
    const cells = {
      rank: (c) => <td class={c.look}>{unit.rank ?? '–'}<Move rank={unit.rank} previous={unit.previous_rank} /></td>,
      name: (c) => (
        <th scope="row" class={c.look}><a href={to}><Name name={unit.name} /></a>
          {unit.stale && <>{' '}<StaleBadge /></>}</th>
      ),
      points: (c) => (
        <td class={c.look} title={`${exact(unit.points)} / ${exact(unit.max)}`}>
          {shown(unit.points)}<Bar points={unit.points} max={unit.max} /></td>
      ),
      percent: (c) => <td class={c.look} title={exact(unit.percent)}>{shown(unit.percent)}</td>,
      change: (c) => <td class={c.look}><Change value={unit.change} /></td>,
      coverage: (c) => <td class={c.look} title={exact(coverageOf(unit))}>{coverage(coverageOf(unit))}</td>,
      trend: () => <Trend view={view} unit={unit} days={days} />,
    };
    return (
      <tr data-code={unit.code} class={changed ? 'changed' : ''}
        onClick={(e) => {
          if (!e.target.closest('a') && !getSelection().toString()) {
            const pillar = e.target.closest('[data-pillar]')?.dataset.pillar;
            go(link({ unit: unit.code, pillar }));
          }
        }}>
        {columns.map((c) => cells[c.key]?.(c) ?? this.pillar(c, pillarOf(unit, c.key)))}
      </tr>
    );
  }

  pillar(column, { points, max, status } = { points: null, max: null, status: 'missing' }) {
    return (
      <td key={column.key} class={column.look} data-pillar={column.key} title={`${exact(points)} / ${exact(max)}`}>
        {status !== 'scored' && <small>{word(status)} </small>}{shown(points)}<Bar points={points} max={max} />
      </td>
    );
  }
}

const seenOf = (unit) => JSON.stringify([unit.rank, unit.points, unit.max, unit.coverage, unit.pillars]);

/** The codes that changed a moment ago, and a word to who cannot see it. */
function useChanged(units, viewKey) {
  const [changed, setChanged] = useState(new Set());
  const seen = useRef({ key: null, units: new Map() });
  const unsaid = useRef(new Set());
  useEffect(() => {
    const now = new Map(units.map((u) => [u.code, seenOf(u)]));
    const before = seen.current.key === viewKey ? seen.current.units : new Map();
    seen.current = { key: viewKey, units: now };
    const codes = units.map((u) => u.code).filter((c) => before.has(c) && before.get(c) !== now.get(c));
    if (!codes.length) {
      return;
    }
    setChanged((old) => new Set([...old, ...codes]));
    setTimeout(() => setChanged((old) => new Set([...old].filter((c) => !codes.includes(c)))), HIGHLIGHT_MS);
    if (!unsaid.current.size) {
      setTimeout(() => {
        announce(t('{n} đơn vị thay đổi', { n: unsaid.current.size }));
        unsaid.current.clear();
      }, SAY_MS);
    }
    codes.forEach((c) => unsaid.current.add(c));
  }, [units]);
  return changed;
}

/** Rows move; the one that holds the focus keeps it. */
function useFocusKept(body) {
  const held = body.current?.contains(document.activeElement) ? document.activeElement : null;
  useLayoutEffect(() => {
    if (held?.isConnected && document.activeElement !== held) {
      held.focus({ preventScroll: true });
    }
  });
}

function Table({ view, units, columns, sort, caption, days }) {
  const body = useRef();
  const [all, setAll] = useState(false);
  const changed = useChanged(units, `${view.index.id} ${view.period} ${view.level} ${view.parent}`);
  useFocusKept(body);
  const column = columns.find((c) => c.key === sort.key && c.compare) ?? columns[0];
  const sorted = [...units].sort((a, b) => column.compare(a, b, sort.direction)
    || byRank(a, b, 1) || (a.code < b.code ? -1 : 1));
  const drawn = all ? sorted : sorted.slice(0, ROWS);
  const sortBy = (c) => {
    const direction = c === column ? -sort.direction : c.first ?? -1;
    go(here({ sort: `${direction < 0 ? '-' : ''}${c.key}` }), { replace: true });
  };
  return (
    <div class="card board">
      <Scroll label={caption} id="ranking">
        <table>
          <caption>{caption}</caption>
          <thead>
            <tr>
              {columns.map((c) => (
                <th key={c.key} scope="col" class={c.look} data-key={c.key}
                  aria-sort={c !== column ? undefined : sort.direction > 0 ? 'ascending' : 'descending'}>
                  {c.compare ? <button type="button" onClick={() => sortBy(c)}><span>{c.label}</span>
                    {c.max && <small> {t('tối đa {max}', { max: brief(c.max) })}</small>}</button>
                    : <span class="plain">{c.label}</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody ref={body}>
            {drawn.map((u) => (
              <Row key={u.code} unit={u} view={view} columns={columns} changed={changed.has(u.code)} days={days.get(u.code)}
                said={`${u.revision} ${u.stale} ${seenOf(u)}`} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {drawn.length < sorted.length && (
        <p class="more"><button type="button" onClick={() => setAll(true)}>
          {t('Hiện cả {n} đơn vị', { n: exact(`${sorted.length}`) })}</button></p>
      )}
    </div>
  );
}

/** What the map colours: the total, or one pillar. */
function metricOf(index, code) {
  const pillar = index.pillars.find((p) => p.code === code);
  return pillar
    ? { title: pillar.title, max: pillar.max, of: (u) => pillarOf(u, code)?.points ?? null }
    : { title: t('Tổng điểm'), max: index.max, of: (u) => u.points };
}

function MapOf({ view, units, metric }) {
  const code = view.index.pillars.some((p) => p.code === metric) ? metric : '';
  return (
    <TileMap units={units} metric={metricOf(view.index, code)} controls={(
      <label class="inline"><span class="sr">{t('Tô màu theo')}</span>
        <select id="metric" value={code}
          onChange={(e) => go(here({ map: e.currentTarget.value }), { replace: true })}>
          <option value="">{t('Tổng điểm')}</option>
          {view.index.pillars.map((p) => <option key={p.code} value={p.code}>{p.title}</option>)}
        </select>
      </label>
    )} />
  );
}

/** Whole-number facts over the table, so that it need not be read for them. */
function Facts({ units }) {
  const scored = units.filter((u) => u.points !== null).sort((a, b) => compare(b.points, a.points));
  const stale = units.filter((u) => u.stale).length;
  const moved = units.filter((u) => u.change && compare(u.change, '0') !== 0).length;
  const facts = [
    [t('Cao nhất'), scored.length && `${shown(scored[0].points)}`],
    [t('Thấp nhất'), scored.length && `${shown(scored.at(-1).points)}`],
    [t('Có thay đổi'), `${moved}`],
    [t('Số liệu cũ'), `${stale}`],
  ];
  return (
    <dl class="tally">
      <div><dt>{t('Đơn vị')}</dt><dd>{exact(`${units.length}`)}</dd></div>
      {facts.map(([name, value]) => value && <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

/** What there is: every index with the periods that have results. */
const Overview = ({ catalog, view }) => (
  <section class="card overview">
    <Scroll label={t('Các bộ chỉ số và kỳ')}>
      <table>
        <caption><h2>{t('Các bộ chỉ số và kỳ')}</h2></caption>
        <thead><tr><th scope="col">{t('Bộ chỉ số')}</th><th scope="col">{t('Văn bản')}</th><th scope="col" class="num">{t('Tổng điểm')}</th>
          <th scope="col">{t('Kỳ')}</th></tr></thead>
        <tbody>
          {catalog.indexes.map((i) => (
            <tr key={i.id} aria-current={i.id === view.index.id}>
              <th scope="row"><a href={link({ index: i.id, period: '', level: '', parent: '', view: 'criteria' })} lang={vietnamese()}>{i.title}</a></th>
              <td>{i.decision}<small>{date(i.date)}</small></td>
              <td class="num">{brief(i.max)}</td>
              <td>{i.periods.length ? i.periods.map((p) => (
                <a key={p} href={link({ index: i.id, period: p, level: '', parent: '' })}>{periodName(p)}</a>
              )) : <span class="hint">{t('chưa có kết quả')}</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  </section>
);

const NONE = [];
const DAYS = 30;

/** Code → the last days of a unit as points of a line, where more than one day is known. */
function useDays(view, key) {
  const { answer } = useReading(`${key}/trend`, (signal) => api.trend(view, DAYS, signal), () => false);
  return useMemo(() => new Map((answer?.units ?? []).map((u) => [u.code, answer.days
    .map((day, i) => ({ at: `${day}T17:00:00Z`, value: u.percent[i] })).filter((p) => p.value !== null)])
    .filter(([, points]) => points.length > 1)), [answer]);
}

export function RankingView({ view, wanted, catalog }) {
  const key = `${view.index.id}/${view.period}/${view.level}/${view.parent}`;
  const concerns = (kind, event) => isOf(view)(kind, event) && (kind === 'source'
    || (event.unit ?? event).level === view.level);
  const board = useReading(key, (signal) => api.ranking(view, {}, signal), concerns);
  const units = board.answer?.units ?? NONE;
  useFreshness({ asOf: board.answer?.as_of, readAt: board.readAt,
    stale: board.answer && (board.answer.stale || units.some((u) => u.stale))
      ? staleWords(units) : '' });
  const days = useDays(view, key);
  const withPillars = wanted.columns === 'pillars';
  const withCoverage = units.some((u) => coverageOf(u) !== null);
  const columns = useColumns(view, withPillars, withCoverage);
  const match = finder(wanted.q);
  const found = units.filter((u) => match(u.name));
  const group = groupName({ ...view, parent_name: view.name });
  const caption = t('Xếp hạng {n} đơn vị · {group} · {period}',
    { n: exact(`${found.length}`), group, period: periodName(view.period) });
  useEffect(() => {
    document.title = `${group} – ${periodName(view.period)} – chiso`;
  }, [group, view.period]);
  const showMap = view.level === 'province';
  return (
    <>
      <Heading focusKey={key}>{view.index.title}</Heading>
      <Trouble of={[board]} />
      {!board.answer && !board.problem && <Loading rows={12} />}
      {board.answer && (
        <>
          <div class="spread">
            <Facts units={units} />
            <span class="tools"><Download of={api.tables.ranking(view)} />
            <label class="check"><input type="checkbox" id="columns" checked={withPillars}
              onChange={(e) => go(here({ columns: e.currentTarget.checked ? 'pillars' : '' }), { replace: true })} />
              {t('Hiện điểm từng nhóm')}</label></span>
          </div>
          {wanted.q && <p class="hint" role="status" id="message">{found.length
            ? t('{n} trên {all} đơn vị', { n: found.length, all: units.length })
            : t('Không có đơn vị nào khớp “{query}”.', { query: wanted.q })}</p>}
          <div class={showMap ? 'split' : ''}>
            {found.length > 0 ? <Table view={view} units={found} columns={columns} caption={caption} days={days}
              sort={readSort(wanted.sort, 'rank')} />
              : !wanted.q && <Empty>{t('Chưa có đơn vị nào.')}</Empty>}
            {showMap && <MapOf view={view} units={units} metric={wanted.map} />}
          </div>
          <Overview catalog={catalog} view={view} />
        </>
      )}
    </>
  );
}

/** The same array while nothing about it changes: rows compare it. */
function useColumns(view, withPillars, withCoverage) {
  const kept = useRef({});
  const key = `${document.documentElement.lang} ${view.index.id} ${withPillars} ${withCoverage}`;
  if (kept.current.key !== key) {
    kept.current = { key, columns: columnsOf(view.index.pillars, { withPillars, withCoverage }) };
  }
  return kept.current.columns;
}

function staleWords(units) {
  const old = units.filter((u) => u.stale).length;
  return old && old < units.length
    ? t('{n} đơn vị chưa đọc lại được từ nguồn đúng hạn, giữ con số tốt gần nhất.', { n: old })
    : t('Cả bảng chưa đọc lại được từ nguồn đúng hạn, giữ con số tốt gần nhất.');
}
