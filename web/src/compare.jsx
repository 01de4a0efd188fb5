// Units beside each other, or one unit at several moments: columns are "24", "24@2025-10-12" (the end
// of that day) or "24@2025-10-12T08:30:00Z".

import { useEffect, useState } from 'preact/hooks';
import * as api from './api.js';
import { go, here, link } from './address.js';
import { TimeChart, linePoints } from './chart.jsx';
import { compareNames, coverage, date, day, shown, splitName, subtract, time } from './format.js';
import { t, vietnamese } from './i18n.js';
import { Bar, Change, DayField, Empty, Heading, Loading, Name, Ratio, Scroll, Status, Trouble } from './parts.jsx';
import { isOf, useReading } from './reading.js';
import { useFreshness } from './store.js';
import { periodName } from './words.js';

const MOST = 6;

/** [{key: "24@2025-10-12", code, at}] of the address; at is '' for now. */
function readColumns(text) {
  const keys = [...new Set((text ?? '').split(',').filter((k) => /^[^@]+(@\d{4}-\d\d-\d\d(T[\d:.]+Z)?)?$/.test(k)))];
  return keys.slice(0, MOST).map((key) => {
    const [code, at = ''] = key.split('@');
    return { key, code, at };
  });
}

const PAST = 50;
const past = new Map(); // what stood at a moment does not change: it is asked for once

/** A result, or null where there is none. */
async function readOne(view, { code, at }, signal) {
  const key = `${view.index.id}/${view.period}/${code}@${at}`;
  if (at && past.has(key)) {
    return past.get(key);
  }
  const result = await api.unit(view, code, at, signal).catch((problem) => {
    if (problem.status === 404) {
      return null;
    }
    throw problem;
  });
  if (at) {
    past.set(key, result);
    if (past.size > PAST) {
      past.delete(past.keys().next().value);
    }
  }
  return result;
}

const readAll = (view, columns, signal) => Promise.all(columns.map((c) => readOne(view, c, signal)));

const put = (columns) => go(here({ units: columns.map((c) => c.key).join(',') }), { replace: true });
const add = (columns, key) => put(columns.some((c) => c.key === key) ? columns : [...columns, ...readColumns(key)]);

function Picker({ view, columns }) {
  const board = useReading(`${view.index.id}/${view.period}/${view.level}/${view.parent}/names`,
    (signal) => api.ranking(view, {}, signal), () => false);
  const [moment, setMoment] = useState(day(Date.now(), 1));
  const units = [...board.answer?.units ?? []].sort((a, b) => compareNames(a.name, b.name));
  const full = columns.length >= MOST;
  const last = columns.at(-1);
  return (
    <div class="picker">
      <label>{t('Thêm đơn vị')}{' '}
        <select id="add-unit" disabled={full} value="" onChange={(e) => {
          add(columns, e.currentTarget.value);
          e.currentTarget.value = '';
        }}>
          <option value="">{t('chọn…')}</option>
          {units.filter((u) => !columns.some((c) => c.key === u.code))
            .map((u) => <option key={u.code} value={u.code}>{u.name}</option>)}
        </select>
      </label>
      {last && (
        <form class="moment" onSubmit={(e) => {
          e.preventDefault();
          add(columns, `${last.code}@${moment}`);
        }}>
          <DayField id="moment" label={t('Thêm một ngày đã qua')} value={moment} latest={day(Date.now(), 1)}
            onDay={setMoment} disabled={full} />
          <button type="submit" id="add-moment" disabled={full}>{t('Thêm')}</button>
        </form>
      )}
    </div>
  );
}

const nameOf = (column, result) => result?.unit.name ?? column.code;
const when = ({ at }) => (!at ? t('nay') : at.includes('T') ? time(at) : t('cuối ngày {day}', { day: date(at) }));

/** A cell of points; from the second column on with the difference to the first. */
function Cell({ of, base, children }) {
  if (!of) {
    return <td class="num"><span class="hint">–</span></td>;
  }
  const gap = base && base !== of ? subtract(of.points, base.points) : null;
  return (
    <td class="num"><Ratio points={of.points} max={of.max} />{gap !== null && <> <Change value={gap} /></>}
      <Bar points={of.points} max={of.max} />{children}</td>
  );
}

const Row = ({ title, columns, results, pick, deep }) => {
  const picked = results.map((r) => r && pick(r));
  return (
    <tr class={deep ? 'depth-1' : 'group'}>
      <th scope="row" lang={vietnamese()}>{title}</th>
      {columns.map((c, i) => (
        <Cell key={c.key} of={picked[i]} base={i > 0 ? picked[0] : null}>
          {deep && picked[i] && picked[i].status !== 'scored' && <Status status={picked[i].status} />}</Cell>
      ))}
    </tr>
  );
};

function Table({ columns, results, detail }) {
  const pillars = results.find(Boolean)?.pillars ?? [];
  const plain = (title, of) => (
    <tr><th scope="row">{title}</th>{columns.map((c, i) => <td key={c.key} class="num">{results[i] ? of(results[i]) : '–'}</td>)}</tr>
  );
  return (
    <div class="card"><Scroll label={t('So sánh')}>
      <table>
        <caption class="sr">{t('So sánh')}</caption>
        <thead>
          <tr>
            <td />
            {columns.map((c, i) => (
              <th key={c.key} scope="col" class="num">
                <a href={link({ unit: c.code })}><Name name={nameOf(c, results[i])} /></a><small>{when(c)}</small>
                <button type="button" class="small" onClick={() => put(columns.filter((x) => x !== c))}
                  aria-label={t('Bỏ {name}', { name: `${nameOf(c, results[i])}, ${when(c)}` })}>{t('Bỏ')}</button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Row title={t('Tổng điểm')} columns={columns} results={results} pick={(r) => r} />
          {plain(t('Hạng'), (r) => r.rank ?? '–')}
          {plain(t('Tỷ lệ'), (r) => `${shown(r.percent)} %`)}
          {plain(t('Độ phủ'), (r) => coverage(r.coverage))}
        </tbody>
        <tbody>
          {pillars.map((p) => (
            <>
              <Row key={p.code} title={p.title} columns={columns} results={results}
                pick={(r) => r.pillars.find((x) => x.code === p.code)} />
              {detail && p.indicators.map((i) => (
                <Row key={i.code} deep title={`${i.code} ${i.title}`} columns={columns} results={results}
                  pick={(r) => r.pillars.find((x) => x.code === p.code)?.indicators.find((x) => x.code === i.code)} />
              ))}
            </>
          ))}
        </tbody>
      </table>
    </Scroll></div>
  );
}

export function CompareView({ view, wanted }) {
  const columns = readColumns(wanted.units);
  const of = `${view.index.id}/${view.period}`;
  const codes = [...new Set(columns.map((c) => c.code))];
  const key = columns.length ? `${of}/${columns.map((c) => c.key)}` : '';
  const reading = useReading(key, (signal) => readAll(view, columns, signal), isOf(view));
  const course = useReading(key && `${of}/${codes}/histories`,
    (signal) => Promise.all(codes.map((code) => api.history(view, code, { limit: 200 }, signal).catch(() => ({ revisions: [] })))),
    (kind, event) => kind === 'score' && isOf(view)(kind, event) && codes.includes(event.unit.code));
  const results = reading.answer;
  const known = results?.filter(Boolean) ?? [];
  const asOf = known.map((r) => r.as_of).sort().at(-1);
  useFreshness({ asOf, readAt: reading.readAt, stale: known.some((r) => r.stale)
    ? t('Chưa đọc lại được từ nguồn đúng hạn, giữ con số tốt gần nhất.') : '' });
  const title = results ? columns.map((c, i) => splitName(nameOf(c, results[i]))[1]).join(', ') : t('So sánh');
  useEffect(() => {
    document.title = `${t('So sánh')} – ${title} – chiso`;
  }, [title]);
  const detail = wanted.detail === '1';
  return (
    <div id="compare">
      <Heading focusKey={`compare ${of}`}>{t('So sánh')}</Heading>
      <p class="hint"><span lang={vietnamese()}>{view.index.title}</span> · {periodName(view.period)}</p>
      <div class="spread">
        <Picker view={view} columns={columns} />
        {columns.length > 0 && <label class="check"><input type="checkbox" id="detail" checked={detail}
          onChange={(e) => go(here({ detail: e.currentTarget.checked ? '1' : '' }), { replace: true })} />{t('Từng tiêu chí')}</label>}
      </div>
      <Trouble of={[reading]} />
      {!columns.length && <Empty>{t('Chọn hai đơn vị trở lên, hoặc một đơn vị và một ngày đã qua.')}</Empty>}
      {columns.length > 0 && !results && !reading.problem && <Loading rows={6} />}
      {results && (
        <>
          <Table columns={columns} results={results} detail={detail} />
          {course.answer && <section class="card pad over-time"><h2>{t('Diễn biến')}</h2>
            <TimeChart title={t('Tổng điểm theo thời gian')} now={course.readAt}
              lines={codes.map((code, i) => ({ name: splitName(known.find((r) => r.unit.code === code)?.unit.name ?? code)[1],
                points: linePoints(course.answer[i].revisions) }))} /></section>}
        </>
      )}
    </div>
  );
}
