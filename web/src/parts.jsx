// The small pieces that every view is made of.

import { useEffect, useRef, useState } from 'preact/hooks';
import { brief, date, exact, parseDate, share, shown, splitName, time } from './format.js';
import { t, vietnamese } from './i18n.js';
import { move, word } from './words.js';

export const Badge = ({ children, look = '' }) => <span class={`badge ${look}`}>{children}</span>;
export const StaleBadge = () => <Badge>{t('Số liệu cũ')}</Badge>;

/** A line of a <dl>; nothing without a value. */
export const Term = ({ name, children }) => (children || children === 0) && (
  <div><dt>{name}</dt><dd>{children}</dd></div>
);

export const When = ({ iso }) => (time(iso)
  ? <time dateTime={iso}>{time(iso)}</time> : t('chưa rõ'));

/** Points out of a maximum; every digit is in the title. */
export const Ratio = ({ points, max }) => (
  <span class="ratio" title={`${exact(points)} / ${exact(max)}`}><b>{shown(points)}</b> / {brief(max)}</span>
);

/** The bar under points, as wide as its share of the maximum. What it says is said in figures beside it. */
export const Bar = ({ points, max }) => (
  <span class="bar" aria-hidden="true"><i style={{ width: share(points, max) }} /></span>
);

/** "Tỉnh Bắc Ninh" with the kind of unit set back. */
export function Name({ name }) {
  const [kind, proper] = splitName(name);
  return <span lang={vietnamese()}>{kind && <span class="kind">{kind} </span>}{proper}</span>;
}

/** A move in the ranking: a sign for the eye, words for the ear. */
export function Move({ rank, previous }) {
  const [sign, words] = move(rank, previous);
  return sign && <span class={`move ${sign[0] === '▲' ? 'up' : 'down'}`}>
    <span aria-hidden="true">{sign}</span><span class="sr">{words}</span></span>;
}

/** A signed difference in points, coloured and signed. */
export const Change = ({ value }) => {
  const text = shown(value, true);
  return <span class={text[0] === '+' ? 'up' : text[0] === '−' ? 'down' : 'same'} title={exact(value, true)}>{text}</span>;
};

/** Each status has a shape of its own: it is never told by colour alone. */
const SHAPES = {
  scored: <><circle cx="8" cy="8" r="7" /><path class="on" d="M4.5 8.2 7 10.7l4.5-5" /></>,
  missing: <circle class="line" cx="8" cy="8" r="6" stroke-dasharray="3 2.2" />,
  invalid: <><path d="M8 1 15.5 14.5H.5Z" /><path class="on" d="M8 6v4M8 12v.6" /></>,
  undefined: <><path d="M8 .5 15.5 8 8 15.5.5 8Z" /><path class="on" d="M5 8h6" /></>,
  excluded: <><rect class="line" x="2" y="2" width="12" height="12" rx="1.5" /><path class="line" d="M4 12 12 4" /></>,
};
export const Status = ({ status }) => (
  <span class={`status ${status}`}>
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">{SHAPES[status] ?? SHAPES.missing}</svg>
    {word(status)}
  </span>
);

/** A box that scrolls sideways by itself, so that the page does not; reachable by keyboard. */
export const Scroll = ({ label, children, ...more }) => (
  <div class="scroll" tabIndex={0} role="region" aria-label={label} {...more}>{children}</div>
);

/** The table behind a chart. */
export const TableOf = ({ label, children }) => (
  <details class="table-of">
    <summary>{label}</summary>
    {children}
  </details>
);

/** The table on the screen as files; `of(format)` is the address. */
export const Download = ({ of }) => (
  <span class="download">{t('Tải về')}: <a href={of('xlsx')} download>Excel</a> · <a href={of('csv')} download>CSV</a></span>
);

/** What is said when reading fails; what was read before stays where it is. */
export const Trouble = ({ of }) => {
  const problem = of.find((reading) => reading.problem)?.problem;
  return problem && (
    <p class="notice trouble" role="alert">
      {t('Không đọc được số liệu: {what}.', { what: problem.message })}{' '}
      {t('Trang đang tự thử lại.')}{' '}
      {of.some((r) => r.answer && r.problem) && t('Bảng dưới đây là lần đọc trước.')}
    </p>
  );
};

/** Before the first answer: says so, and holds the place. */
export const Loading = ({ rows = 8 }) => (
  <div class="loading" role="status">
    <span class="hint">{t('Đang tải số liệu…')}</span>
    {Array.from({ length: rows }, (_, i) => <i key={i} />)}
  </div>
);

export const Empty = ({ children }) => <p class="empty" role="status">{children}</p>;

let place = null; // what the last heading stood over

/** The heading of a view. When the reader has gone on and what had the focus is gone, it takes it. */
export function Heading({ focusKey, children }) {
  const element = useRef();
  useEffect(() => {
    if (place !== null && place !== focusKey && document.activeElement === document.body) {
      element.current.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    place = focusKey;
  }, [focusKey]);
  return <h1 ref={element} tabIndex={-1}>{children}</h1>;
}

/** The width of an element, measured anew when it changes. */
export function useWidth(fallback) {
  const element = useRef();
  const [width, setWidth] = useState(fallback);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}

export function Select({ label, value, options, onChoose, ...more }) {
  return (
    <label>{label}{' '}
      <select value={value} onChange={(e) => onChoose(e.currentTarget.value)} {...more}>
        {options.map(([v, text]) => <option key={v} value={v} selected={v === value}>{text}</option>)}
      </select>
    </label>
  );
}

/** A day as dd/MM/yyyy on every machine: a browser's own field follows the browser's language. */
export function DayField({ id, label, value, latest, onDay, ...more }) {
  const [wrong, setWrong] = useState(false);
  const take = (text) => {
    const day = parseDate(text);
    const good = day !== null && day <= latest;
    setWrong(!good);
    if (good) {
      onDay(day);
    }
  };
  return (
    <label class="day">{label}{' '}
      <input id={id} type="text" inputMode="numeric" size="11" maxLength={10} placeholder={t('ngày/tháng/năm')}
        defaultValue={date(value)} aria-invalid={wrong} aria-describedby={wrong ? `${id}-wrong` : undefined}
        onChange={(e) => take(e.currentTarget.value)} {...more} />
      {wrong && <span class="wrong" id={`${id}-wrong`} role="alert">{t('cần một ngày đã qua, như {day}', { day: date(latest) })}</span>}
    </label>
  );
}

/** The search box; what is searched for is in the address, so that it can be passed on. */
export const Search = ({ label, value, placeholder, onInput }) => (
  <label>{label}{' '}
    <input id="search" type="search" autocomplete="off" placeholder={placeholder} value={value}
      onInput={(e) => onInput(e.currentTarget.value)} />
  </label>
);
