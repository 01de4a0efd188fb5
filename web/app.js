// The page: what is looked at (always in the address: every view is a link), when it is read
// again, and what is said about it.

import * as api from './api.js';
import { Criteria } from './criteria.js';
import { groupName, periodName, time } from './format.js';
import { h, setText } from './dom.js';
import { Live, coalesce } from './live.js';
import { Ranking } from './ranking.js';
import { UnitPanel } from './unit.js';

const GAP_MS = 500; // Between two readings that events ask for.
const TICK_MS = 30000; // A reading without events: a half-dead connection says nothing.
const SAY_MS = 1500; // Changes announced together.
const STATES = {
  connecting: 'Đang nối…', live: 'Trực tiếp',
  lost: 'Mất kết nối – đang nối lại', paused: 'Đã tạm dừng',
};

const $ = (id) => document.getElementById(id);

let catalog = null; // the last answer of /indexes
let wanted; // what the address asks for
let view = null; // what is shown: {index, period, level, parent, unit, criteria}; no period without results
let reading; // the AbortController of the reading under way
let failures = 0;
let retryTimer = 0;
let wasStale = false;

const panel = new UnitPanel($('unit'));
const criteria = new Criteria($('criteria'));
const ranking = new Ranking($('table'), {
  linkOf: (unit) => address({ unit }),
  onSort: (key, direction) => {
    wanted.sort = (direction < 0 ? '-' : '') + key;
    history.replaceState(null, '', address());
    ranking.mark(view.unit);
  },
  onOpen: (unit) => {
    go({ unit });
    panel.heading.focus();
  },
});
const refresh = coalesce(read, GAP_MS);
const live = new Live({ onState, onEvent });

// What is looked at

const wish = () => Object.fromEntries(new URLSearchParams(location.search));

function address(change) {
  const query = Object.entries({ ...wanted, ...change }).filter(([, value]) => value);
  return `?${new URLSearchParams(query)}`;
}

/** A step that the back button undoes. */
function visit(query) {
  history.pushState(null, '', query);
  wanted = wish();
  show();
}

const go = (change) => visit(address(change));

const groupsOf = (index, period) => index.levels.filter((l) => l.period === period);
const periodsOf = (index) => index.periods.filter((p) => groupsOf(index, p).length);
const groupKey = ({ level, parent }) => `${level}|${parent || ''}`;
const same = (a, b) => groupKey(a) === groupKey(b);

/** What is asked for as far as it exists, else the nearest there is; an index without results has criteria. */
function resolve() {
  const index = catalog.indexes.find((i) => i.id === wanted.index)
    ?? catalog.indexes.find((i) => periodsOf(i).length) ?? catalog.indexes[0];
  if (!index) {
    return null;
  }
  const periods = periodsOf(index);
  const period = periods.includes(wanted.period) ? wanted.period : periods[0];
  const groups = period ? groupsOf(index, period) : [];
  const group = groups.find((g) => same(g, wanted))
    ?? groups.find((g) => g.level === 'province') ?? groups[0];
  const onCriteria = wanted.view === 'criteria' || !group;
  return { ...group, index: index.id, criteria: onCriteria, unit: onCriteria ? '' : wanted.unit ?? '' };
}

function show() {
  const before = view ?? {};
  view = resolve();
  $('controls').hidden = $('views').hidden = !view;
  if (!view) {
    message('Chưa có số liệu nào được công bố.');
    return;
  }
  const otherIndex = before.index !== view.index;
  const moved = !same(before, view) || otherIndex || before.period !== view.period;
  const switched = otherIndex || before.criteria !== view.criteria;
  const turned = moved || switched || before.unit !== view.unit;
  const index = catalog.indexes.find((i) => i.id === view.index);
  if (moved) {
    ranking.clear(index.pillars);
  }
  if (otherIndex) {
    criteria.clear();
  }
  if (switched) {
    $('search').value = '';
  }
  if (moved || switched) {
    message('Đang tải số liệu…');
  }
  const [, down, key] = /^(-?)(.*)$/.exec(wanted.sort ?? 'rank');
  ranking.sort(key, down ? -1 : 1);
  setText($('title'), index.title);
  $('index').parentElement.hidden = catalog.indexes.length < 2;
  choose('index', catalog.indexes.map((i) => [i.id, i.title]), index.id);
  choose('period', periodsOf(index).map((p) => [p, periodName(p)]), view.period);
  choose('group', groupsOf(index, view.period).map((g) => [groupKey(g), groupName(g)]), groupKey(view));
  showViews();
  const leaving = !view.unit && panel.section.contains(document.activeElement);
  document.body.classList.toggle('has-unit', Boolean(view.unit));
  if (!view.unit) {
    panel.section.hidden = true;
  } else if (turned) {
    panel.open(ranking.rows.get(view.unit)?.unit.name);
  }
  ranking.mark(view.unit);
  if (leaving) {
    ranking.rows.get(before.unit)?.link.focus();
  }
  if (turned) {
    reading?.abort();
    refresh(true);
  }
}

/** The links between ranking and criteria, and what only one of them has. */
function showViews() {
  const onCriteria = view.criteria;
  $('to-ranking').hidden = !view.period;
  $('to-ranking').href = address({ index: view.index, view: '' });
  $('to-criteria').href = address({ index: view.index, view: 'criteria', unit: '' });
  $('to-ranking').setAttribute('aria-current', onCriteria ? 'false' : 'page');
  $('to-criteria').setAttribute('aria-current', onCriteria ? 'page' : 'false');
  $('period').parentElement.hidden = $('group').parentElement.hidden = onCriteria;
  setText($('search-label'), onCriteria ? 'Tìm tiêu chí' : 'Tìm đơn vị');
  $('search').placeholder = onCriteria ? 'ten mien' : 'bac ninh';
  $('asof').hidden = $('hint').hidden = onCriteria;
  if (onCriteria) {
    $('stale').hidden = true; // The next reading of a ranking says it again.
  }
}

function choose(id, options, value) {
  $(id).replaceChildren(...options.map(([v, text]) => h('option', { value: v }, text)));
  $(id).value = value;
}

// Reading

/** Reads all that is shown. Never throws: what fails is said and tried again. */
async function read() {
  const { signal } = reading = new AbortController();
  try {
    if (!view?.period) {
      await readCatalog(signal);
    }
    if (view && !signal.aborted) { // Else the view has moved on; its own reading follows.
      await (view.criteria ? readCriteria : readBoard)(signal);
    }
  } catch (problem) {
    if (!signal.aborted) {
      failed(problem);
    }
  }
}

async function readBoard(signal) {
  const { unit: open } = view;
  const [board, unit, past] = await Promise.allSettled([api.ranking(view, signal),
    open && api.unit(view, signal), open && api.history(view, signal)]);
  if (signal.aborted) {
    return;
  }
  const lost = unit.reason ?? past.reason;
  if (lost) {
    panel.fail(lost);
  } else if (unit.value) {
    panel.update(unit.value, past.value);
  }
  if (board.reason) {
    throw board.reason;
  }
  draw(board.value);
  failed(lost && lost.status !== 404 ? lost : null);
}

async function readCriteria(signal) {
  const answer = await api.index(view.index, signal);
  if (!signal.aborted) {
    criteria.update(answer);
    document.title = `Tiêu chí – ${answer.title} – chiso`;
    find();
    failed(null);
  }
}

async function readCatalog(signal) {
  const answer = await api.indexes(signal);
  if (JSON.stringify(answer) !== JSON.stringify(catalog)) {
    catalog = answer;
    show();
  }
}

function failed(problem) {
  clearTimeout(retryTimer);
  $('error').hidden = !problem;
  failures = problem ? failures + 1 : 0;
  if (problem) {
    setText($('error'), `Không đọc được số liệu: ${problem.message}. Trang đang tự thử lại`
      + ((view?.criteria ? criteria : ranking).size ? '; bảng dưới đây là lần đọc trước.' : '.'));
    retryTimer = setTimeout(refresh, Math.min(1000 * 2 ** failures, TICK_MS));
  }
}

function onState(state) {
  $('state').dataset.state = state;
  setText($('state'), STATES[state]);
  setText($('pause'), state === 'paused' ? 'Tiếp tục' : 'Tạm dừng');
  if (state === 'live') {
    refresh(); // What came before, we have not heard.
  }
}

function onEvent(kind, event) {
  if (view?.criteria) { // Nothing here changes with an event, but the first results of the index.
    if (!view.period && event.index === view.index) {
      refresh();
    }
    return;
  }
  const { level, parent, code } = event.unit ?? event;
  if (kind === 'source' || !view || (event.index === view.index && event.period === view.period
      && (same({ level, parent }, view) || code === view.unit))) {
    refresh();
  }
}

// Showing

function draw(board) {
  const { units } = board;
  sayChanged(ranking.update(units));
  ranking.mark(view.unit);
  const group = groupName(view);
  setText($('caption'), `Xếp hạng ${units.length} đơn vị · ${group} · ${periodName(view.period)}`);
  document.title = `${view.unit ? panel.heading.textContent : group} – ${periodName(view.period)} – chiso`;
  setText($('asof'), `Số liệu tính đến ${time(board.as_of)} (giờ Việt Nam)`);
  const old = units.filter((u) => u.stale).length;
  const stale = board.stale || old > 0;
  $('stale').hidden = !stale;
  const extent = old && old < units.length ? `${old} đơn vị` : 'cả bảng';
  setText($('stale'), `Số liệu cũ: ${extent} chưa đọc lại được từ nguồn đúng hạn, giữ con số tốt gần nhất.`);
  if (stale !== wasStale) {
    wasStale = stale;
    setText($('say'), stale ? $('stale').textContent : 'Số liệu đã mới trở lại.');
  }
  find();
}

function find() {
  const query = $('search').value.trim();
  const [list, what] = view.criteria ? [criteria, 'tiêu chí'] : [ranking, 'đơn vị'];
  const count = list.filter(query);
  const { size } = list;
  const all = view.criteria ? `${size} tiêu chí trong ${criteria.pillars} nhóm` : '';
  message((view.period ? '' : 'Bộ chỉ số này chưa có kết quả. ')
    + (!size ? `Chưa có ${what} nào.` : !count ? `Không có ${what} nào khớp “${query}”.`
      : count < size ? `${count} trên ${size} ${what}` : all));
}

function message(text) {
  setText($('message'), text);
  $('ranking').hidden = view?.criteria || ranking.size === 0;
  $('criteria').hidden = !view?.criteria || criteria.size === 0;
}

const unsaid = new Set();

function sayChanged(codes) {
  if (codes.length && !unsaid.size) {
    setTimeout(() => {
      $('say').textContent = `${unsaid.size} đơn vị thay đổi`;
      unsaid.clear();
    }, SAY_MS);
  }
  codes.forEach((code) => unsaid.add(code));
}

// The reader

$('index').onchange = () => go({ index: $('index').value, unit: '' });
$('period').onchange = () => go({ period: $('period').value });
$('group').onchange = () => {
  const [level, parent] = $('group').value.split('|');
  $('search').value = '';
  go({ period: view.period, level, parent, unit: '' });
};
$('search').oninput = find;
$('controls').onsubmit = () => false;
$('pause').onclick = () => ($('state').dataset.state === 'paused' ? live.start() : live.stop());
$('views').onclick = (event) => {
  const link = event.target.closest('a');
  if (link && !(event.metaKey || event.ctrlKey || event.shiftKey)) {
    event.preventDefault();
    visit(link.search);
  }
};
$('open-all').onclick = () => criteria.toggle(true);
$('close-all').onclick = () => criteria.toggle(false);
$('close').onclick = () => go({ unit: '' });
$('unit').onkeydown = (event) => event.key === 'Escape' && go({ unit: '' });
window.onpopstate = () => {
  wanted = wish();
  if (catalog) {
    show();
  }
};

wanted = wish();
message('Đang tải số liệu…');
live.start();
refresh();
setInterval(() => {
  if ($('state').dataset.state !== 'paused' && !document.hidden) {
    readCatalog().catch(() => {}).then(() => refresh());
  }
}, TICK_MS);
