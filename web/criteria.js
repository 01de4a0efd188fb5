// The criteria of an index: each indicator in the words of its decision and in its formula.

import { date, exact, fold, language } from './format.js';
import { badge, h, term } from './dom.js';

const HEADS = ['Ký hiệu', 'Đại lượng', 'Đơn vị'];
const inputTable = (inputs) => h('table', null,
  h('thead', null, h('tr', null, HEADS.map((head) => h('th', { scope: 'col' }, head)))),
  h('tbody', null, inputs.map(({ name, figure, title, unit }) => h('tr', null,
    h('th', { scope: 'row' }, name), h('td', null, title ?? figure), h('td', null, unit)))));

/** How an indicator is computed, how its text is read, who answers for it. */
export function explanation({ formula, inputs, text, note, ...more }) {
  const line = (name, value) => value && term(name, value);
  return h('dl', { class: 'explanation' },
    line('Công thức', formula && h('pre', null, formula.trimEnd())),
    line('Số liệu đầu vào', inputs?.length && inputTable(inputs)),
    line('Văn bản quy định', text && h('p', { class: 'official' }, text)),
    line('Ghi chú cách hiểu', note && h('p', { lang: language(note) }, note)),
    line('Đơn vị chấm điểm', more.scorer), line('Cơ quan chủ trì', more.lead),
    line('Cơ quan phối hợp', more.coordinators), line('Tần suất', more.frequency),
    line('Căn cứ', more.basis), line('Tài liệu kiểm chứng', more.evidence),
    line('Thay cho tiêu chí', more.replaces));
}

const maximum = (max) => h('span', { class: 'ratio' }, `tối đa ${exact(max)}`);

function facts({ decision, date: day, issuer, max, stated_max: stated, partial }, indicators) {
  const left = indicators.filter((i) => i.excluded).length;
  return [
    h('dl', { class: 'facts' },
      term('Văn bản', decision),
      term('Ngày ban hành', date(day)),
      term('Cơ quan ban hành', issuer),
      term('Tổng điểm', exact(max)),
      term('Số tiêu chí', `${indicators.length}${left ? `, trong đó ${left} không đánh giá` : ''}`)),
    partial && h('p', { class: 'hint' }, 'Danh mục chưa đầy đủ: văn bản hiện có chỉ nêu một phần các tiêu chí',
      stated && ` của tổng ${exact(stated)} điểm`, '.'),
  ];
}

const documentNotes = (notes) => notes.length > 0 && h('details', { class: 'notes', 'data-code': 'notes' },
  h('summary', null, 'Ghi chú về văn bản', h('span', { class: 'ratio' }, `${notes.length}`)),
  h('ul', { lang: 'en' }, notes.map((note) => h('li', null, note))));

export class Criteria {
  #shown = '';
  #body;
  #pillars = [];
  #entries = new Map(); // code → {details, words, parent}

  constructor(section) {
    this.#body = section.querySelector('#criteria-body');
  }

  get size() {
    return this.#entries.size;
  }

  get pillars() {
    return this.#pillars.length;
  }

  clear() {
    this.#shown = '';
    this.#pillars = [];
    this.#entries.clear();
    this.#body.replaceChildren();
  }

  /** Draws anew only what is not shown already; what was open stays open. */
  update(index) {
    const answer = JSON.stringify(index);
    if (answer === this.#shown) {
      return;
    }
    const open = new Set([...this.#body.querySelectorAll('details[open]')].map((d) => d.dataset.code));
    this.clear();
    this.#shown = answer;
    this.#pillars = index.pillars.map((p) => this.#pillar(p));
    this.#body.append(...[...facts(index, index.pillars.flatMap((p) => p.indicators)),
      ...this.#pillars, documentNotes(index.notes)].filter(Boolean));
    for (const details of this.#body.querySelectorAll('details')) {
      details.open = open.has(details.dataset.code);
    }
  }

  /** Shows only what holds all the words in its code or title, below its parents; returns how many. */
  filter(query) {
    const words = fold(query).split(/\s+/);
    const found = [...this.#entries.values()].filter((e) => words.every((w) => e.words.includes(w)));
    const kept = new Set(found);
    for (const { parent } of kept) { // A set also visits what is added meanwhile.
      if (this.#entries.has(parent)) {
        kept.add(this.#entries.get(parent));
      }
    }
    for (const entry of this.#entries.values()) {
      entry.details.hidden = !kept.has(entry);
    }
    for (const section of this.#pillars) {
      section.hidden = !section.querySelector('details:not([hidden])');
    }
    return found.length;
  }

  /** Opens or closes all indicators that are shown. */
  toggle(open) {
    for (const { details } of this.#entries.values()) {
      if (!details.hidden) {
        details.open = open;
      }
    }
  }

  #pillar({ code, title, max, indicators }) {
    const known = new Set(indicators.map((i) => i.code));
    const tree = (belongs) => indicators.filter(belongs).flatMap((i) =>
      [this.#indicator(i), h('div', { class: 'children' }, tree(({ parent }) => parent === i.code))]);
    return h('section', { 'data-pillar': code },
      h('h3', null, /^\d/.test(code) ? `${code}. ${title}` : title, maximum(max)),
      tree(({ parent }) => !known.has(parent)));
  }

  #indicator(indicator) {
    const { code, title, max, parent, excluded } = indicator;
    const details = h('details', { class: 'criterion', 'data-code': code },
      h('summary', null, h('b', { class: 'code' }, code),
        h('span', null, title, excluded && ' ', excluded && badge('không đánh giá', 'quiet')), maximum(max)),
      explanation(indicator));
    this.#entries.set(code, { details, parent, words: fold(`${code} ${title}`) });
    return details;
  }
}
