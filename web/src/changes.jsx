// What is different: since the last reading, since yesterday, since a day; and what comes in while
// one looks.

import { useEffect, useState } from 'preact/hooks';
import * as api from './api.js';
import { go, here, link } from './address.js';
import { clock, date, day, exact, finder, shown, time } from './format.js';
import { t, vietnamese } from './i18n.js';
import { connection, listen } from './live.js';
import { Change, DayField, Download, Empty, Heading, Loading, Move, Name, Scroll, Status, Trouble } from './parts.jsx';
import { isOf, useReading } from './reading.js';
import { useFreshness } from './store.js';
import { groupName, periodName } from './words.js';

const FEED = 50;

/** The moment to compare with, as the API takes it: a day is its end in Vietnam. */
async function momentOf(view, since, signal) {
  if (since !== 'last') {
    return since === 'yesterday' ? day(Date.now(), 1) : since;
  }
  const { as_of: asOf } = await api.ranking(view, { limit: 1 }, signal);
  return new Date(Date.parse(asOf) - 1).toISOString(); // Just before the newest figure was read.
}

function sinceWords(since, answer) {
  return since === 'last' ? t('từ trước lần đọc gần nhất, {time}', { time: time(answer.as_of) })
    : t('từ cuối ngày {day}', { day: date(since === 'yesterday' ? day(Date.now(), 1) : since) });
}

const valid = (since) => since === 'yesterday' || /^\d{4}-\d\d-\d\d$/.test(since ?? '');

function SinceForm({ since }) {
  const choose = (value) => go(here({ since: value }), { replace: true });
  const isDay = since !== 'last' && since !== 'yesterday';
  return (
    <fieldset class="since">
      <legend>{t('So với')}</legend>
      <label class="check"><input type="radio" name="since" id="since-last" checked={since === 'last'}
        onChange={() => choose('')} />{t('lần đọc trước')}</label>
      <label class="check"><input type="radio" name="since" id="since-yesterday" checked={since === 'yesterday'}
        onChange={() => choose('yesterday')} />{t('hôm qua')}</label>
      <label class="check"><input type="radio" name="since" id="since-day" checked={isDay}
        onChange={() => choose(day(Date.now(), 7))} />{t('một ngày')}</label>
      {isDay && <DayField key={since} id="day" label={<span class="sr">{t('Ngày')}</span>} value={since}
        latest={day(Date.now(), 1)} onDay={choose} />}
    </fieldset>
  );
}

const Indicators = ({ of }) => of.length > 0 && (
  <ul class="moves">
    {of.map((i) => (
      <li key={i.code}><span lang={vietnamese()}>{i.title ?? i.code}</span> <Change value={i.change} />
        {i.before && i.after && i.before.status !== i.after.status && <>{' '}<Status status={i.after.status} /></>}</li>
    ))}
  </ul>
);

const Then = ({ of, now }) => (of ? <span class="then">{now}</span> : <span class="hint">{t('chưa có')}</span>);

function Changed({ unit }) {
  const { before, after } = unit;
  return (
    <tr data-code={unit.code}>
      <th scope="row" class="name"><a href={link({ unit: unit.code })}><Name name={unit.name} /></a></th>
      <td class="num">{before?.rank ?? '–'} <span aria-hidden="true">→</span><span class="sr">{t('thành')}</span> <b>{after?.rank ?? '–'}</b>
        {before && after && <Move rank={after.rank} previous={before.rank} />}</td>
      <td class="num"><Then of={before} now={shown(before?.points)} /></td>
      <td class="num">{after ? <b title={exact(after.points)}>{shown(after.points)}</b> : t('không còn kết quả')}</td>
      <td class="num"><Change value={unit.change} /></td>
      <td><Indicators of={before ? unit.indicators ?? [] : []} /></td>
    </tr>
  );
}

/** What has come in while the reader looks, newest first. */
function Feed({ view }) {
  const [heard, setHeard] = useState([]);
  const state = connection.use();
  useEffect(() => {
    setHeard([]);
    return listen((kind, event) => {
      if (kind === 'score' && isOf(view)(kind, event) && event.unit.level === view.level
          && (!view.parent || event.unit.parent === view.parent)) {
        setHeard((old) => [{ at: Date.now(), key: `${event.unit.code} ${event.revision}`, ...event }, ...old].slice(0, FEED));
      }
    });
  }, [view.index.id, view.period, view.level, view.parent]);
  return (
    <section class="card pad feed">
      <h2>{t('Đang diễn ra')}</h2>
      {!heard.length && <p class="hint">{state === 'live' ? t('Chưa có gì mới từ lúc mở trang này; thay đổi sẽ hiện ở đây.')
        : t('Đang không nhận thay đổi.')}</p>}
      <ol>
        {heard.map((e) => (
          <li key={e.key}><time>{clock(e.at)}</time>
            <a href={link({ unit: e.unit.code })}><Name name={e.unit.name} /></a>
            <span><b>{shown(e.points)}</b> <Change value={e.change} /></span></li>
        ))}
      </ol>
    </section>
  );
}

export function ChangesView({ view, wanted }) {
  const since = valid(wanted.since) ? wanted.since : 'last';
  const key = `${view.index.id}/${view.period}/${view.level}/${view.parent}/${since}`;
  const reading = useReading(key, async (signal) =>
    api.changes(view, await momentOf(view, since, signal), signal), isOf(view));
  const { answer } = reading;
  const group = groupName({ ...view, parent_name: view.name });
  useFreshness({ asOf: answer?.as_of, readAt: reading.readAt });
  useEffect(() => {
    document.title = `${t('Thay đổi')} – ${group} – chiso`;
  }, [group]);
  const match = finder(wanted.q);
  const units = answer?.units.filter((u) => match(u.name)) ?? [];
  const unknown = reading.problem?.status === 404 && !answer;
  return (
    <div id="changes">
      <Heading focusKey={`changes ${key}`}>{t('Thay đổi')}</Heading>
      <p class="hint"><span lang={vietnamese()}>{view.index.title}</span> · {group} · {periodName(view.period)}</p>
      <SinceForm since={since} />
      {unknown ? <Empty>{t('Chưa có kết quả nào.')}</Empty> : <Trouble of={[reading]} />}
      {!answer && !reading.problem && <Loading rows={6} />}
      {answer && (
        <>
          {!answer.known_since && <p class="notice quiet" id="unknown-since">{t('Chưa biết gì về lúc đó: mọi kết quả dưới đây là mới so với lúc ấy.')}</p>}
          <div class="spread lead">
            <p role="status" id="message">{t('{n} trên {all} đơn vị có thay đổi {since}', { n: answer.changed, all: answer.total, since: sinceWords(since, answer) })}</p>
            <Download of={api.tables.changes(view, answer.since)} />
          </div>
          <div class="split">
            {units.length > 0 ? (
              <div class="card"><Scroll label={t('Thay đổi')}>
                <table>
                  <caption>{t('Trước và nay')}</caption>
                  <thead><tr><th scope="col">{t('Đơn vị')}</th><th scope="col" class="num">{t('Hạng')}</th><th scope="col" class="num">{t('Trước')}</th>
                    <th scope="col" class="num">{t('Nay')}</th><th scope="col" class="num">{t('Thay đổi')}</th><th scope="col">{t('Do tiêu chí')}</th></tr></thead>
                  <tbody>{units.map((u) => <Changed key={u.code} unit={u} />)}</tbody>
                </table>
              </Scroll></div>
            ) : <Empty>{wanted.q ? t('Không có đơn vị nào khớp “{query}”.', { query: wanted.q }) : t('Không có gì thay đổi.')}</Empty>}
            <Feed view={view} />
          </div>
        </>
      )}
    </div>
  );
}
