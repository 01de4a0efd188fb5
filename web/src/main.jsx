// The page: its frame, and which view the address asks for.

import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import * as api from './api.js';
import { carry, go, here, levelsOf, link, periodsOf, resolve, useAddress } from './address.js';
import { ChangesView } from './changes.jsx';
import { CompareView } from './compare.jsx';
import { CriteriaView } from './criteria.jsx';
import { clock, time } from './format.js';
import { askedLanguage, keep, keepLanguage, kept, speak, t } from './i18n.js';
import { getLanguage } from './language.js';
import { connection, pause, since, start } from './live.js';
import { Empty, Loading, Search, Select, Trouble } from './parts.jsx';
import { RankingView } from './ranking.jsx';
import { useReading } from './reading.js';
import { announce, announcement, freshness } from './store.js';
import { UnitView } from './unit.jsx';
import { periodName, word } from './words.js';

const THEME = 'chiso.theme';
const root = document.documentElement;
const VIEWS = { ranking: RankingView, unit: UnitView, changes: ChangesView, compare: CompareView, criteria: CriteriaView };

function Connection() {
  const state = connection.use();
  const words = {
    connecting: t('Đang nối…'), live: t('Trực tiếp'),
    lost: t('Mất kết nối – đang nối lại'), paused: t('Đã tạm dừng'),
  };
  return (
    <>
      <span id="state" role="status" data-state={state}>{words[state]}</span>
      <button type="button" id="pause" onClick={() => (state === 'paused' ? start() : pause())}>
        {state === 'paused' ? t('Tiếp tục') : t('Tạm dừng')}</button>
    </>
  );
}

/** Of when what is shown is: it stays in sight on every view. */
function Strip() {
  const { asOf, stale, readAt } = freshness.use();
  const state = connection.use();
  const from = since.use();
  const old = state === 'paused' || state === 'lost';
  return (
    <div class={`strip ${stale || old ? 'old' : ''}`} role="region" aria-label={t('Số liệu của lúc nào')}>
      <div class="inner">
        <p id="asof">{asOf ? t('Số liệu tính đến {time} (giờ Việt Nam)', { time: time(asOf) })
          : readAt ? t('Đọc lúc {time}', { time: clock(readAt) }) : ' '}</p>
        <p class="connection"><Connection /></p>
        {stale && <p class="warning" id="stale">{t('Số liệu cũ')}: {stale}</p>}
        {old && from > 0 && <p class="warning" id="since">{state === 'paused'
          ? t('Đã tạm dừng lúc {time}: số liệu trên trang có thể đã đổi.', { time: clock(from) })
          : t('Mất kết nối từ {time}: số liệu trên trang có thể đã đổi.', { time: clock(from) })}</p>}
      </div>
    </div>
  );
}

/** As the system has it, until the reader chooses. */
function useTheme() {
  const [theme, setTheme] = useState(kept(THEME) ?? '');
  const isDark = theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  return [isDark, () => {
    const next = isDark ? 'light' : 'dark';
    root.dataset.theme = next;
    keep(THEME, next);
    setTheme(next);
  }];
}

function Header({ view }) {
  const [isDark, turn] = useTheme();
  const other = getLanguage() === 'vi' ? 'en' : 'vi';
  const views = [['ranking', '', t('Xếp hạng')], ['changes', 'changes', t('Thay đổi')],
    ['compare', 'compare', t('So sánh')], ['criteria', 'criteria', t('Tiêu chí')]];
  return (
    <header>
      <div class="inner">
        <a class="brand" href={link({ index: '', period: '', level: '', parent: '' })}>chiso</a>
        {view && (
          <nav aria-label={t('Nội dung xem')}>
            {views.map(([name, asked, text]) => (view.period || name === 'criteria') && (
              <a key={name} id={`to-${name}`} href={link({ view: asked })}
                aria-current={view.view === name ? 'page' : undefined}>{text}</a>
            ))}
          </nav>
        )}
        <span class="tools">
          <a class="button" id="language" lang={other} hreflang={other} href={here({ lang: other })}
            onClick={() => keepLanguage(other)}>{other === 'en' ? 'English' : 'Tiếng Việt'}</a>
          <button type="button" id="theme" aria-pressed={isDark} onClick={turn}>{t('Nền tối')}</button>
        </span>
      </div>
    </header>
  );
}

/** The filters: index, period, level, province, words. They are links of their own: the back button undoes them. */
function Filters({ catalog, view, wanted }) {
  const { index, period, levels, level, parent } = view;
  const asks = (change) => go(link({ view: wanted.view, unit: wanted.unit, since: wanted.since, units: wanted.units, ...change }));
  const onIndex = view.view === 'criteria';
  const ofUnit = view.view === 'unit';
  const groups = levels.get(level) ?? [];
  return (
    <form id="controls" onSubmit={(e) => e.preventDefault()}>
      {catalog.indexes.length > 1 && (
        <Select id="index" label={t('Bộ chỉ số')} value={index.id}
          options={catalog.indexes.map((i) => [i.id, i.title])}
          onChoose={(id) => asks({ index: id, period: '', level: '', parent: '', unit: '', units: '' })} />
      )}
      {!onIndex && (
        <Select id="period" label={t('Kỳ')} value={period}
          options={periodsOf(index).map((p) => [p, periodName(p)])}
          onChoose={(p) => asks({ period: p, level: levelsOf(index, p).has(level) ? level : '' })} />
      )}
      {!onIndex && !ofUnit && (
        <Select id="level" label={t('Cấp')} value={level}
          options={[...levels.keys()].map((l) => [l, word(l)])}
          onChoose={(l) => asks({ level: l, parent: levels.get(l).find((g) => g.parent === parent)?.parent ?? levels.get(l)[0].parent ?? '' })} />
      )}
      {!onIndex && !ofUnit && level !== 'province' && (
        <Select id="parent" label={t('Tỉnh, thành phố')} value={parent ?? ''}
          options={[['', t('Cả nước')], ...groups.filter((g) => g.parent).map((g) => [g.parent, g.parent_name ?? g.parent])]}
          onChoose={(p) => asks({ parent: p })} />
      )}
      {!ofUnit && view.view !== 'compare' && (
        <Search label={onIndex ? t('Tìm tiêu chí') : t('Tìm đơn vị')} value={wanted.q ?? ''}
          placeholder={onIndex ? 'ten mien' : 'bac ninh'}
          onInput={(q) => go(here({ q }), { replace: true })} />
      )}
    </form>
  );
}

/** What changed, said once to those who cannot see it. */
const Announcer = () => <p class="sr" id="say" aria-live="polite">{announcement.use()}</p>;

function useStaleSaid() {
  const { stale, readAt } = freshness.use();
  const before = useRef('');
  useEffect(() => {
    if (readAt && Boolean(stale) !== Boolean(before.current)) {
      announce(stale ? `${t('Số liệu cũ')}: ${stale}` : t('Số liệu đã mới trở lại.'));
      before.current = stale;
    }
  }, [stale, readAt]);
}

/** Draws everything anew once the words are there. */
function useLanguage(asked) {
  const [spoken, setSpoken] = useState(getLanguage());
  useEffect(() => {
    if (asked !== spoken) {
      speak(asked).then(() => setSpoken(asked)).catch(() => {});
    }
  }, [asked]);
}

function App() {
  const wanted = useAddress();
  useLanguage(askedLanguage(wanted.lang));
  const listed = useRef(new Set()); // index and period that the list has: others are news to it
  const catalog = useReading('indexes', api.indexes,
    (kind, event) => kind === 'score' && !listed.current.has(`${event.index} ${event.period}`));
  listed.current = new Set(catalog.answer?.indexes.flatMap((i) => i.periods.map((p) => `${i.id} ${p}`)));
  const view = catalog.answer && resolve(catalog.answer, wanted);
  if (view) {
    carry({ index: view.index.id, period: view.period, level: view.level === 'province' ? '' : view.level,
      parent: view.parent, lang: wanted.lang });
  }
  useStaleSaid();
  const View = view && VIEWS[view.view];
  return (
    <>
      <a class="skip" href="#main">{t('Tới nội dung chính')}</a>
      <Header view={view} />
      <Strip />
      <main id="main" tabIndex={-1} class="inner">
        {view && <Filters catalog={catalog.answer} view={view} wanted={wanted} />}
        <Trouble of={[catalog]} />
        {View && <View key={view.view} view={view} wanted={wanted} catalog={catalog.answer} />}
        {!catalog.answer && !catalog.problem && <Loading rows={12} />}
        {catalog.answer && !view && <Empty>{t('Chưa có bộ chỉ số nào được công bố.')}</Empty>}
      </main>
      <footer class="inner">
        <p>{t('Mỗi con số dẫn về công thức, văn bản, nguồn và bản gốc của nó.')}{' '}
          {t('Dữ liệu mở')}: <a href="api/v1/indexes">api/v1/indexes</a></p>
      </footer>
      <Announcer />
    </>
  );
}

const asked = new URLSearchParams(location.search).get('lang');
if (asked) {
  keepLanguage(asked);
}
root.dataset.theme = kept(THEME) ?? '';
await speak(askedLanguage(asked ?? undefined)).catch(() => {});
render(<App />, document.getElementById('app'));
start();
