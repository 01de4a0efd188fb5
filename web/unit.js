// One unit: what its points are made of, where each figure came from, what it was before.

import { exact, periodName, share, shown, time, word } from './format.js';
import { explanation } from './criteria.js';
import { badge, bar, h, setText, term } from './dom.js';

const when = (iso) => (iso ? h('time', { datetime: iso }, time(iso)) : 'chưa rõ');
const ratio = (points, max) => h('span', { class: 'ratio', title: exact(points) },
  h('b', null, shown(points)), ` / ${exact(max)}`);

function figureList({ raw_sha256: hash, ...figure }, titled) {
  return h('dl', { class: 'figure', 'data-figure': figure.id },
    titled && term('Số liệu', figure.title),
    term('Giá trị', h('b', null, exact(figure.value))),
    term('Nguồn', [figure.source, figure.series].filter(Boolean).join(' · ')),
    term('Đọc lúc', when(figure.fetched_at)),
    term('Lần đọc', `${figure.revision}`),
    term('Bản gốc (SHA-256)', hash ? h('code', { title: hash }, `${hash.slice(0, 12)}…`) : 'không có'));
}

const criterion = (indicator) => h('details', { class: 'criterion', 'data-criterion': indicator.code },
  h('summary', null, 'Cách tính và căn cứ'), explanation(indicator));

function indicatorBlock(indicator, titled) {
  const { title, status, points, max, flags, figures } = indicator;
  return h('div', { class: 'indicator' },
    titled && h('h4', null, title),
    h('p', { class: 'hint' }, word(status), titled && [' · ', ratio(points, max)],
      flags.length > 0 && ` · cờ: ${flags.join(', ')}`),
    figures.map((f) => figureList(f, titled)),
    criterion(indicator));
}

/** A pillar that is its only indicator (as in the 766 index) is said once, not twice. */
function pillarBlock({ code, title, points, max, indicators }) {
  const titled = indicators.length !== 1 || indicators[0].title !== title;
  return h('section', { 'data-pillar': code },
    h('h3', null, title, ratio(points, max)),
    bar(share(points, max)),
    indicators.map((i) => indicatorBlock(i, titled)));
}

/** Figures no indicator uses, such as the total the source states itself. */
function otherFigures({ pillars, figures }) {
  const used = pillars.flatMap((p) => p.indicators).flatMap((i) => i.figures).map((f) => f.id);
  const others = figures.filter((f) => !used.includes(f.id));
  return others.length > 0 && h('section', null,
    h('h3', null, 'Nguồn tự công bố, để đối chiếu'),
    others.map((f) => figureList(f, true)));
}

/** A table in its own scroll box; each row's first cell is its header. */
function tableBlock(look, title, heads, rows) {
  return h('section', { class: look },
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title },
      h('table', null, h('caption', null, title),
        h('thead', null, h('tr', null, heads.map((head) => h('th', { scope: 'col' }, head)))),
        h('tbody', null, rows.map(([first, ...cells]) => h('tr', null, h('th', { scope: 'row' }, first),
          cells.map((cell) => h('td', null, cell))))))));
}

const sourceTable = (sources) => tableBlock('sources', 'Tình trạng nguồn',
  ['Nguồn', 'Tình trạng', 'Từ lúc', 'Đọc tốt gần nhất'],
  sources.map(({ source, series, outcome, since, last_good: lastGood, stale, detail }) => [
    [source, h('small', null, series)],
    [word(outcome), ' ', stale && badge(), h('small', null, detail)],
    when(since), when(lastGood)]));

const historyTable = (history) => tableBlock('history', 'Lịch sử các lần tính',
  ['Lần', 'Số liệu lúc', 'Điểm', 'Hạng'],
  history.revisions.map(({ revision, as_of: asOf, points, max, rank }) => [
    `${revision}`, when(asOf), ratio(points, max), `${rank ?? '–'}`]));

function summary({ unit, period, nation_rank: nation, ...result }) {
  return [
    h('p', { class: 'hint' }, `${word(unit.level)} · ${periodName(period)}`),
    h('p', { class: 'score' }, ratio(result.points, result.max), ' điểm ', result.stale && badge()),
    h('dl', { class: 'facts' },
      term('Hạng', `${result.rank ?? '–'}`),
      nation && unit.level !== 'province' && term('Hạng toàn quốc', `${nation}`),
      term('Tỷ lệ', `${exact(result.percent)} %`),
      term('Thay đổi', shown(result.change, true)),
      term('Lần tính', `${result.revision}`),
      term('Số liệu lúc', when(result.as_of))),
  ];
}

export class UnitPanel {
  #shown = '';

  constructor(section) {
    this.section = section;
    this.heading = section.querySelector('h2');
    this.body = section.querySelector('#unit-body');
  }

  /** Opens for a unit not read yet; `name` if it is known. */
  open(name) {
    this.#shown = '';
    setText(this.heading, name ?? 'Chi tiết đơn vị');
    this.body.replaceChildren('Đang tải chi tiết…');
    this.section.hidden = false;
  }

  /** Draws anew only what is not shown already. */
  update(unit, history) {
    const answer = JSON.stringify([unit, history]);
    if (answer !== this.#shown) {
      this.#shown = answer;
      const open = [...this.body.querySelectorAll('details[open]')].map((d) => d.dataset.criterion);
      setText(this.heading, unit.unit.name);
      this.body.replaceChildren(...summary(unit), ...unit.pillars.map(pillarBlock),
        otherFigures(unit) || '', sourceTable(unit.sources), historyTable(history));
      for (const details of this.body.querySelectorAll('details')) {
        details.open = open.includes(details.dataset.criterion);
      }
    }
  }

  /** What was shown stays; a panel without anything says why. */
  fail(problem) {
    if (!this.#shown) {
      this.body.replaceChildren(problem.status === 404
        ? 'Không có kết quả của đơn vị này trong kỳ đã chọn.' : `Không đọc được: ${problem.message}.`);
    }
  }
}
