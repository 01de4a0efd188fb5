// The criteria of an index: each indicator in the words of its decision and in its formula.

import { useEffect, useState } from 'preact/hooks';
import * as api from './api.js';
import { Explanation, Maximum } from './criterion.jsx';
import { brief, date, exact, finder } from './format.js';
import { t, vietnamese } from './i18n.js';
import { Badge, Empty, Heading, Loading, Term, Trouble } from './parts.jsx';
import { useReading } from './reading.js';
import { useFreshness } from './store.js';
import { word } from './words.js';

const indicatorsOf = (index) => index.pillars.flatMap((p) => p.indicators);

/** What holds the words, with the parents above it. */
function findIn(index, query) {
  const match = finder(query);
  const all = new Map(indicatorsOf(index).map((i) => [i.code, i]));
  const found = indicatorsOf(index).filter((i) => match(`${i.code} ${i.title}`));
  const kept = new Set(found);
  for (const { parent } of kept) { // A set also visits what is added meanwhile.
    if (all.has(parent)) {
      kept.add(all.get(parent));
    }
  }
  return { kept, count: found.length };
}

function Facts({ index }) {
  const all = indicatorsOf(index);
  const left = all.filter((i) => i.excluded).length;
  const { levels, periods } = index.applies_to;
  // The document counts a parent once and its children not at all.
  const top = all.filter((i) => !i.parent).length;
  const stated = index.stated_indicators && Number(index.stated_indicators) !== top ? index.stated_indicators : null;
  return (
    <>
      <dl class="facts">
        <Term name={t('Văn bản')}>{index.decision}</Term>
        <Term name={t('Ngày ban hành')}>{date(index.date)}</Term>
        <Term name={t('Cơ quan ban hành')}>{index.issuer && <span lang={vietnamese()}>{index.issuer}</span>}</Term>
        <Term name={t('Áp dụng cho')}>{[...levels, ...periods].map(word).join(', ')}</Term>
        <Term name={t('Tổng điểm')}>{exact(index.max)}</Term>
        <Term name={t('Số tiêu chí')}>{left ? t('{n}, trong đó {left} không đánh giá', { n: all.length, left }) : `${all.length}`}
          {stated && ` (${t('văn bản ghi {n}', { n: stated })})`}</Term>
      </dl>
      {index.partial && (
        <p class="hint">{index.stated_max
          ? t('Danh mục chưa đầy đủ: văn bản hiện có chỉ nêu một phần các tiêu chí của tổng {max} điểm.', { max: brief(index.stated_max) })
          : t('Danh mục chưa đầy đủ: văn bản hiện có chỉ nêu một phần các tiêu chí.')}</p>
      )}
    </>
  );
}

function Criterion({ indicator, all, kept, open, toggle }) {
  const children = all.filter((i) => i.parent === indicator.code && kept.has(i));
  const { code, title, max, excluded } = indicator;
  return (
    <>
      <details class="criterion" data-code={code} open={open.has(code)}
        onToggle={(e) => toggle(code, e.currentTarget.open)}>
        <summary>
          <b class="code">{code}</b>
          <span lang={vietnamese()}>{title} {excluded && <Badge look="quiet">{t('không đánh giá')}</Badge>}</span>
          <Maximum max={max} />
        </summary>
        {open.has(code) && <Explanation indicator={indicator} />}
      </details>
      {children.length > 0 && <div class="children">{children.map((i) => (
        <Criterion key={i.code} indicator={i} all={all} kept={kept} open={open} toggle={toggle} />))}</div>}
    </>
  );
}

function Pillar({ pillar, kept, open, toggle }) {
  const { code, title, max, indicators } = pillar;
  const known = new Set(indicators.map((i) => i.code));
  const tops = indicators.filter((i) => kept.has(i) && !known.has(i.parent));
  return tops.length > 0 && (
    <section data-pillar={code}>
      <h2 class="spread"><span lang={vietnamese()}>{/^\d/.test(code) ? `${code}. ${title}` : title}</span><Maximum max={max} /></h2>
      {tops.map((i) => (
        <Criterion key={i.code} indicator={i} all={indicators} kept={kept} open={open} toggle={toggle} />))}
    </section>
  );
}

const Notes = ({ notes }) => notes.length > 0 && (
  <details class="criterion notes">
    <summary><span>{t('Ghi chú về văn bản')}</span><span class="ratio">{notes.length}</span></summary>
    <ul lang={vietnamese()}>{notes.map((note) => <li key={note}>{note}</li>)}</ul>
  </details>
);

export function CriteriaView({ view, wanted }) {
  const { id } = view.index;
  // Nothing here changes with an event.
  const reading = useReading(id, (signal) => api.index(id, signal), () => false);
  const [open, setOpen] = useState(new Set(wanted.indicator ? [wanted.indicator] : []));
  const index = reading.answer;
  useEffect(() => setOpen(new Set(wanted.indicator ? [wanted.indicator] : [])), [id, wanted.indicator]);
  useFreshness({ readAt: reading.readAt });
  useEffect(() => {
    document.title = `${t('Tiêu chí')} – ${view.index.title} – chiso`;
  }, [id]);
  useEffect(() => {
    if (index && wanted.indicator) {
      document.querySelector(`[data-code="${CSS.escape(wanted.indicator)}"]`)?.scrollIntoView({ block: 'center' });
    }
  }, [Boolean(index), wanted.indicator]);
  const toggle = (code, isOpen) => setOpen((old) => {
    const next = new Set(old);
    next[isOpen ? 'add' : 'delete'](code);
    return next.size === old.size ? old : next;
  });
  const { kept, count } = index ? findIn(index, wanted.q) : {};
  const size = index ? indicatorsOf(index).length : 0;
  return (
    <div id="criteria">
      <Heading focusKey={id}>{view.index.title}</Heading>
      <Trouble of={[reading]} />
      {!view.period && <p class="notice quiet">{t('Bộ chỉ số này chưa có kết quả: chưa nguồn nào cấp số liệu.')}</p>}
      {!index && !reading.problem && <Loading />}
      {index && (
        <>
          <Facts index={index} />
          <div class="spread">
            <p class="hint" role="status" id="message">{count === 0
              ? t('Không có tiêu chí nào khớp “{query}”.', { query: wanted.q })
              : count < size ? t('{n} trên {all} tiêu chí', { n: count, all: size })
                : t('{n} tiêu chí trong {pillars} nhóm', { n: size, pillars: index.pillars.length })}</p>
            <span class="buttons">
              <button type="button" id="open-all" onClick={() => setOpen(new Set([...open, ...[...kept].map((i) => i.code)]))}>{t('Mở tất cả')}</button>
              <button type="button" id="close-all" onClick={() => setOpen(new Set())}>{t('Đóng tất cả')}</button>
            </span>
          </div>
          <div class="card pad">
            {index.pillars.map((p) => <Pillar key={p.code} pillar={p} kept={kept} open={open} toggle={toggle} />)}
            {count === 0 && <Empty>{t('Thử bớt chữ trong ô tìm.')}</Empty>}
            <Notes notes={index.notes} />
          </div>
        </>
      )}
    </div>
  );
}
