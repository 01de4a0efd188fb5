// One unit: what its points are made of, where it loses them and who can win them back, where each
// figure came from, what it was before.

import { useEffect, useRef } from 'preact/hooks';
import * as api from './api.js';
import { go, here, link } from './address.js';
import { TimeChart, linePoints } from './chart.jsx';
import { Explanation, FigureTable } from './criterion.jsx';
import { brief, compare, coverage, exact, shown, subtract } from './format.js';
import { t, vietnamese } from './i18n.js';
import { Bar, Change, Download, Empty, Heading, Loading, Move, Name, Ratio, Scroll, StaleBadge, Status, Term, Trouble, When } from './parts.jsx';
import { coverageOf } from './ranking.jsx';
import { useReading } from './reading.js';
import { useFreshness } from './store.js';
import { periodName, word } from './words.js';

const lost = ({ points, max, status }) => (status === 'excluded' ? null : subtract(max, points ?? '0'));

function Summary({ unit: { unit, nation_rank: nation, ...result }, ranked }) {
  return (
    <div class="summary">
      <p class="score"><b title={exact(result.points)}>{shown(result.points)}</b> / {brief(result.max)} {t('điểm')}
        {result.stale && <>{' '}<StaleBadge /></>}<Bar points={result.points} max={result.max} /></p>
      <dl class="tally">
        <div><dt>{t('Hạng')}</dt><dd>{result.rank ?? '–'}{ranked && <small> / {ranked}</small>} <Move rank={result.rank} previous={result.previous_rank} /></dd></div>
        {nation && unit.level !== 'province' && <div><dt>{t('Hạng toàn quốc')}</dt><dd>{nation}</dd></div>}
        <div><dt>{t('Tỷ lệ')}</dt><dd title={exact(result.percent)}>{shown(result.percent)} %</dd></div>
        <div><dt>{t('Thay đổi')}</dt><dd><Change value={result.change} /></dd></div>
        {coverageOf(result) !== null && <div><dt>{t('Độ phủ')}</dt><dd title={exact(coverageOf(result))}>{coverage(coverageOf(result))}</dd></div>}
        <div><dt>{t('Lần tính')}</dt><dd>{exact(`${result.revision}`)}</dd></div>
      </dl>
    </div>
  );
}

/** Every pillar as a bar against its maximum; the figures stand beside the bars. */
const Pillars = ({ pillars }) => (
  <section class="card pad">
    <h2>{t('Các nhóm tiêu chí')}</h2>
    <Scroll label={t('Các nhóm tiêu chí')}>
      <table class="bars">
        <caption class="sr">{t('Điểm từng nhóm so với tối đa')}</caption>
        <thead class="sr"><tr><th scope="col">{t('Nhóm')}</th><th scope="col">{t('Điểm')}</th><th scope="col">{t('Mất')}</th></tr></thead>
        <tbody>
          {pillars.map((p) => (
            <tr key={p.code}>
              <th scope="row"><a href={here({ pillar: p.code })} onClick={(e) => jump(e, p.code)} lang={vietnamese()}>{p.title}</a></th>
              <td class="track"><Bar points={p.points} max={p.max} /><Ratio points={p.points} max={p.max} /></td>
              <td class="num lost">{t('mất {points}', { points: shown(subtract(p.max, p.points)) })}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  </section>
);

/** Goes to a pillar's indicators further down, without a step for the back button. */
function jump(event, code) {
  event.preventDefault();
  go(here({ pillar: code }), { replace: true });
  const section = document.querySelector(`[data-pillar="${CSS.escape(code)}"]`);
  section?.scrollIntoView({ block: 'start' });
  section?.querySelector('button')?.focus({ preventScroll: true });
}

function Indicator({ indicator, open, onToggle, deep }) {
  const { code, title, status, points, max, flags, figures } = indicator;
  const gone = lost(indicator);
  const id = `i-${code}`;
  return (
    <>
      <tr data-indicator={code} class={`indicator ${open ? 'open' : ''} depth-${deep}`} onClick={(e) => {
        if (!e.target.closest('button, a') && !getSelection().toString()) {
          onToggle();
        }
      }}>
        <th scope="row">
          <button type="button" class="disclose" aria-expanded={open} aria-controls={id} onClick={onToggle}>
            <span class="code">{code}</span> <span lang={vietnamese()}>{title}</span></button>
        </th>
        <td><Status status={status} />{flags.length > 0 && <small>{flags.map(word).join(', ')}</small>}</td>
        <td class="num"><Ratio points={points} max={max} /><Bar points={points} max={max} /></td>
        <td class="num lost">{gone === null ? '–' : compare(gone, '0') > 0 ? shown(gone) : '0'}</td>
        <td lang={vietnamese()}>{indicator.lead ?? indicator.scorer ?? <span class="hint" lang={document.documentElement.lang}>{t('văn bản không nêu')}</span>}
          {indicator.coordinators && <small>{t('phối hợp')}: {indicator.coordinators}</small>}</td>
        <td lang={vietnamese()}>{indicator.frequency ?? <span class="hint" lang={document.documentElement.lang}>{t('văn bản không nêu')}</span>}</td>
      </tr>
      <tr id={id} class="detail" hidden={!open}>{open && <td colSpan={6}><Explanation indicator={indicator} figures={figures} /></td>}</tr>
    </>
  );
}

function depthOf(indicator, all) {
  const parent = all.find((i) => i.code === indicator.parent);
  return parent ? 1 + depthOf(parent, all) : 0;
}

/** What can be won back first, or the order of the decision. */
function Indicators({ pillars, wanted }) {
  const open = new Set((wanted.indicator ?? '').split(',').filter(Boolean));
  const onlyLost = wanted.lost === '1';
  const toggle = (code) => {
    const next = new Set(open);
    next[next.has(code) ? 'delete' : 'add'](code);
    go(here({ indicator: [...next].join(',') }), { replace: true });
  };
  const shownOnes = (p) => p.indicators.filter((i) => !onlyLost || compare(lost(i) ?? '0', '0') > 0);
  return (
    <section>
      <div class="spread">
        <h2>{t('Từng tiêu chí')}</h2>
        <label class="check"><input type="checkbox" id="lost" checked={onlyLost}
          onChange={(e) => go(here({ lost: e.currentTarget.checked ? '1' : '' }), { replace: true })} />
          {t('Chỉ những tiêu chí mất điểm')}</label>
      </div>
      <p class="hint">{t('Bấm vào một tiêu chí để xem công thức với số liệu, văn bản, nguồn và bản gốc.')}</p>
      <div class="card">
        <Scroll label={t('Từng tiêu chí')} id="indicators">
          <table>
            <caption class="sr">{t('Từng tiêu chí')}</caption>
            <thead><tr><th scope="col">{t('Tiêu chí')}</th><th scope="col">{t('Tình trạng')}</th><th scope="col" class="num">{t('Điểm')}</th>
              <th scope="col" class="num">{t('Mất')}</th><th scope="col">{t('Ai chịu trách nhiệm')}</th><th scope="col">{t('Khi nào')}</th></tr></thead>
            {pillars.map((p) => shownOnes(p).length > 0 && (
              <tbody key={p.code} data-pillar={p.code}>
                {p.indicators.length > 1 && (
                  <tr class="group"><th colSpan={2} scope="rowgroup" lang={vietnamese()}>{p.title}</th>
                    <td class="num"><Ratio points={p.points} max={p.max} /></td>
                    <td class="num lost">{shown(subtract(p.max, p.points))}</td><td colSpan={2} /></tr>
                )}
                {shownOnes(p).map((i) => (
                  <Indicator key={i.code} indicator={i} open={open.has(i.code)} onToggle={() => toggle(i.code)}
                    deep={depthOf(i, p.indicators)} />
                ))}
              </tbody>
            ))}
          </table>
        </Scroll>
      </div>
      {!pillars.some((p) => shownOnes(p).length) && <Empty>{t('Không tiêu chí nào mất điểm.')}</Empty>}
    </section>
  );
}

/** Figures no indicator uses, such as the total the source states itself. */
function OtherFigures({ unit: { pillars, figures } }) {
  const used = new Set(pillars.flatMap((p) => p.indicators).flatMap((i) => i.figures).map((f) => f.id));
  const others = figures.filter((f) => !used.has(f.id));
  return others.length > 0 && <FigureTable figures={others} title={t('Nguồn tự công bố, để đối chiếu')} />;
}

/** Of one period of the unit only, while others of the series are fresh. */
const isOld = (s, { unit, period }) => s.stale
  || s.stale_rows.some((r) => r.unit === unit.code && r.period === period);

const Sources = ({ of }) => (
  <Scroll label={t('Tình trạng nguồn')}>
    <table class="sources">
      <caption>{t('Tình trạng nguồn')}</caption>
      <thead><tr><th scope="col">{t('Nguồn')}</th><th scope="col">{t('Tình trạng')}</th><th scope="col">{t('Từ lúc')}</th>
        <th scope="col">{t('Đọc tốt gần nhất')}</th></tr></thead>
      <tbody>
        {of.sources.map((s) => (
          <tr key={`${s.source} ${s.series}`}>
            <th scope="row">{s.source}<small>{s.series}</small></th>
            <td>{word(s.outcome)} {isOld(s, of) && <StaleBadge />}{s.detail && <small lang="en">{s.detail}</small>}</td>
            <td><When iso={s.since} /></td><td><When iso={s.last_good} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
);

const HISTORY_ROWS = 50;
const History = ({ revisions }) => (
  <Scroll label={t('Lịch sử các lần tính')}>
    <table class="history">
      <caption>{t('Lịch sử các lần tính')}</caption>
      <thead><tr><th scope="col">{t('Lần')}</th><th scope="col">{t('Số liệu lúc')}</th><th scope="col" class="num">{t('Điểm')}</th>
        <th scope="col" class="num">{t('Hạng')}</th></tr></thead>
      <tbody>
        {revisions.slice(0, HISTORY_ROWS).map((r) => (
          <tr key={r.revision}><th scope="row">{r.revision}</th><td><When iso={r.as_of} /></td>
            <td class="num"><Ratio points={r.points} max={r.max} /></td><td class="num">{r.rank ?? '–'}</td></tr>
        ))}
      </tbody>
    </table>
    {revisions.length > HISTORY_ROWS && <p class="hint pad">{t('{n} lần gần nhất trên {all}', { n: HISTORY_ROWS, all: revisions.length })}</p>}
  </Scroll>
);

const LAST = 200;

/** The last revisions; where there are more, the chart is of days. */
async function readPast(view, code, signal) {
  const past = await api.history(view, code, { limit: LAST }, signal);
  const days = past.next && await api.history(view, code, { step: 'day', limit: 400 }, signal);
  return { revisions: past.revisions, line: days?.revisions.length > 1 ? days.revisions : past.revisions };
}

/** The pillar that a number of the ranking led to. */
function useArrival(ready, pillar) {
  const done = useRef(false);
  useEffect(() => {
    if (ready && pillar && !done.current) {
      done.current = true;
      document.querySelector(`#indicators [data-pillar="${CSS.escape(pillar)}"]`)?.scrollIntoView({ block: 'center' });
    }
  }, [ready, pillar]);
}

export function UnitView({ view, wanted }) {
  const code = wanted.unit;
  const key = `${view.index.id}/${view.period}/${code}`;
  // Others move as well, and with them the rank.
  const concerns = (kind, event) => kind === 'source' || event.index === view.index.id;
  const unit = useReading(key, (signal) => api.unit(view, code, '', signal), concerns);
  const past = useReading(key && `${key}/history`, (signal) => readPast(view, code, signal),
    (kind, event) => kind === 'score' && event.unit?.code === code);
  const { answer } = unit;
  const name = answer?.unit.name;
  useFreshness({ asOf: answer?.as_of, readAt: unit.readAt, stale: answer?.stale
    ? t('Chưa đọc lại được từ nguồn đúng hạn, giữ con số tốt gần nhất.') : '' });
  useArrival(Boolean(answer), wanted.pillar);
  useEffect(() => {
    document.title = `${name ?? t('Đơn vị')} – ${periodName(view.period)} – chiso`;
  }, [name, view.period]);
  const ranked = view.levels.get(answer?.unit.level)
    ?.find((g) => (g.parent ?? null) === (answer?.unit.parent ?? null))?.units;
  const missing = unit.problem?.status === 404 && !answer;
  return (
    <article id="unit">
      <p class="crumbs"><a id="back" href={link({})}>← {t('Xếp hạng')}</a></p>
      <Heading focusKey={key}>{name ? <Name name={name} /> : missing ? t('Không có đơn vị này') : t('Đơn vị')}</Heading>
      <p class="hint">{answer && `${word(answer.unit.level)} · `}<span lang={vietnamese()}>{view.index.title}</span> · {periodName(view.period)}</p>
      {missing ? <Empty>{t('Không có kết quả của đơn vị này trong kỳ đã chọn.')}</Empty> : <Trouble of={[unit, past]} />}
      {!answer && !unit.problem && <Loading />}
      {answer && (
        <>
          <Summary unit={answer} ranked={ranked} />
          <p class="actions">
            <a class="button" href={link({ view: 'compare', units: code })}>{t('So sánh với đơn vị khác')}</a>
            <button type="button" onClick={() => window.print()}>{t('In trang này')}</button>
            <a class="button" id="form" href={api.formUrl(view, code)} target="_blank" rel="noopener">{t('Biểu tự đánh giá')}</a>
            <Download of={api.tables.unit(view, code)} />
          </p>
          <div class="halves">
            <Pillars pillars={answer.pillars} />
            <section class="card pad">
              <h2>{t('Diễn biến')}</h2>
              {past.answer ? <TimeChart title={t('Tổng điểm theo thời gian')} now={unit.readAt}
                lines={[{ name, points: linePoints(past.answer.line) }]} /> : <Loading rows={4} />}
            </section>
          </div>
          <Indicators pillars={answer.pillars} wanted={wanted} />
          <div class="card more-tables">
            <OtherFigures unit={answer} />
            <Sources of={answer} />
            {past.answer && <History revisions={past.answer.revisions} />}
          </div>
        </>
      )}
    </article>
  );
}
