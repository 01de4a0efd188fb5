// The ranking table. Rows are kept by unit code and changed in place: focus, selection and scroll
// position survive every update.

import { compare, compareNames, exact, fold, move, share, shown, splitName, word } from './format.js';
import { badge, bar, h, setText } from './dom.js';

const HIGHLIGHT_MS = 5000;

/** By a decimal string, the unknown last in both directions. */
const byDecimal = (read) => (a, b, direction) => {
  const [x, y] = [read(a) ?? '', read(b) ?? ''];
  return x && y ? direction * compare(x, y) : Boolean(y) - Boolean(x);
};
const byRank = byDecimal((unit) => unit.rank && `${Number(unit.rank)}`); // 1 or "1"
const byName = (a, b, direction) => direction * compareNames(a.name, b.name);
const pillarOf = (unit, code) => unit.pillars.find((p) => p.code === code);

function columnsOf(pillars) {
  return [
    { key: 'rank', label: 'Hạng', compare: byRank, first: 1, look: 'rank' },
    { key: 'name', label: 'Đơn vị', compare: byName, first: 1, look: 'name' },
    { key: 'points', label: 'Điểm', compare: byDecimal((u) => u.points) },
    { key: 'percent', label: '%', compare: byDecimal((u) => u.percent) },
    { key: 'change', label: 'Thay đổi', compare: byDecimal((u) => u.change) },
    ...pillars.map(({ code, title, max }) => ({
      key: code, label: title, max, look: 'num pillar', compare: byDecimal((u) => pillarOf(u, code)?.points),
    })),
  ];
}

export class Ranking {
  rows = new Map();
  #head;
  #body;
  #columns;
  #sort = {};

  /** `onOpen(code)` and `onSort(key, direction)` hear the reader; `linkOf(code)` is a deep link. */
  constructor(table, { onOpen, onSort, linkOf }) {
    Object.assign(this, { onSort, linkOf });
    [this.#head, this.#body] = [table.tHead, table.tBodies[0]];
    this.#body.addEventListener('click', (event) => {
      const link = event.target.closest('a');
      if (link && !(event.metaKey || event.ctrlKey || event.shiftKey)) {
        event.preventDefault();
        onOpen(link.closest('tr').dataset.code);
      }
    });
  }

  get size() {
    return this.rows.size;
  }

  /** Starts another table, with a column for each pillar. */
  clear(pillars) {
    this.#columns = columnsOf(pillars);
    this.#head.replaceChildren(h('tr', null, this.#columns.map((c) => this.#header(c))));
    this.#body.replaceChildren();
    this.rows.clear();
  }

  #header(column) {
    const button = h('button', null, h('span', null, column.label),
      column.max && h('small', null, ` tối đa ${exact(column.max)}`));
    button.addEventListener('click', () => {
      const { key, direction } = this.#sort;
      this.sort(column.key, column.key === key ? -direction : column.first ?? -1);
      this.onSort(column.key, this.#sort.direction);
    });
    column.th = h('th', { scope: 'col', class: column.look ?? 'num', 'data-key': column.key }, button);
    return column.th;
  }

  /** Direction 1 is ascending, -1 descending. An unknown key falls back to the rank. */
  sort(key, direction) {
    const column = this.#columns.find((c) => c.key === key) ?? this.#columns[0];
    this.#sort = { key: column.key, compare: column.compare, direction };
    this.#columns.forEach(({ th }) => th.removeAttribute('aria-sort'));
    column.th.setAttribute('aria-sort', direction > 0 ? 'ascending' : 'descending');
    this.#arrange();
  }

  /** Shows only names that hold all the words; returns how many. */
  filter(query) {
    const words = fold(query).split(/\s+/);
    let count = 0;
    for (const { tr, unit } of this.rows.values()) {
      const name = fold(unit.name);
      tr.hidden = !words.every((w) => name.includes(w));
      count += !tr.hidden;
    }
    return count;
  }

  /** Takes the units of an answer; returns the codes of those that changed since the last one. */
  update(units) {
    const gone = new Set(this.rows.keys());
    const changed = [];
    for (const unit of units) {
      const { code } = unit;
      const row = this.rows.get(code) ?? this.#row(code);
      const seen = JSON.stringify([unit.rank, unit.points, unit.percent, unit.pillars]);
      if (row.seen && row.seen !== seen) {
        changed.push(code);
        clearTimeout(row.timer);
        row.tr.classList.add('changed');
        row.timer = setTimeout(() => row.tr.classList.remove('changed'), HIGHLIGHT_MS);
      }
      row.seen = seen;
      this.#fill(row, unit);
      gone.delete(code);
    }
    for (const code of gone) {
      this.rows.get(code).tr.remove();
      this.rows.delete(code);
    }
    this.#arrange();
    return changed;
  }

  /** Marks the row of the open unit and renews the links, which carry the whole view. */
  mark(open) {
    for (const [code, { link, tr }] of this.rows) {
      link.setAttribute('href', this.linkOf(code));
      link.setAttribute('aria-current', code === open);
      tr.classList.toggle('open', code === open);
    }
  }

  #row(code) {
    const row = {
      rank: h('td', { class: 'rank' }),
      link: h('a'),
      badge: badge(),
      points: h('td', { class: 'num points' }),
      percent: h('td', { class: 'num' }),
      arrow: h('span', { 'aria-hidden': 'true' }),
      spoken: h('span', { class: 'sr' }),
      delta: h('span'),
      pillars: this.#columns.filter((c) => c.max).map(({ key }) => {
        const [value, track] = [h('span'), bar('0')];
        return { key, value, track, td: h('td', { class: 'num pillar' }, value, track) };
      }),
    };
    row.tr = h('tr', { 'data-code': code }, row.rank,
      h('th', { scope: 'row', class: 'name' }, row.link, ' ', row.badge), row.points, row.percent,
      h('td', { class: 'num change' }, row.arrow, row.spoken, ' ', row.delta), row.pillars.map((p) => p.td));
    this.rows.set(code, row);
    return row;
  }

  #fill(row, unit) {
    if (row.unit?.name !== unit.name) {
      const [kind, name] = splitName(unit.name);
      row.link.replaceChildren(h('span', { class: 'kind' }, kind), kind && ' ', name);
    }
    row.unit = unit;
    row.badge.hidden = !unit.stale;
    setText(row.rank, `${unit.rank ?? '–'}`);
    setText(row.points, shown(unit.points));
    row.points.title = `${exact(unit.points)} / ${exact(unit.max)}`;
    setText(row.percent, shown(unit.percent));
    const [arrow, words] = move(unit.rank, unit.previous_rank);
    setText(row.arrow, arrow);
    row.arrow.className = { '▲': 'up', '▼': 'down' }[arrow[0]] ?? '';
    setText(row.spoken, words);
    setText(row.delta, shown(unit.change, true));
    for (const { key, td, value, track } of row.pillars) {
      const { points, max, status } = pillarOf(unit, key) ?? {};
      setText(value, (status === 'scored' ? '' : `${word(status ?? 'missing')} `) + shown(points));
      td.title = `${exact(points)} / ${exact(max)}`;
      track.style.setProperty('--share', share(points, max));
    }
  }

  /** Sorts in place. The row that holds the focus is never moved: it would lose it. */
  #arrange() {
    const { compare: order, direction } = this.#sort;
    const sorted = [...this.rows.values()].sort(({ unit: a }, { unit: b }) =>
      order(a, b, direction) || byRank(a, b, 1) || (a.code < b.code ? -1 : 1));
    const pinned = document.activeElement.closest('tr');
    let next = this.#body.firstElementChild;
    for (const { tr } of sorted) {
      while (tr === pinned && next !== tr) {
        const passed = next;
        next = next.nextElementSibling;
        this.#body.append(passed); // Its turn comes later.
      }
      if (tr === next) {
        next = next.nextElementSibling;
      } else {
        this.#body.insertBefore(tr, next);
      }
    }
  }
}
