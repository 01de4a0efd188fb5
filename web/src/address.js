// What is looked at is always in the address: every view is a link, and the back button works.

import { createStore } from './store.js';

const read = () => Object.fromEntries(new URLSearchParams(location.search));
const asked = createStore(read());
let shown = {}; // what the address means today: the links carry it, so that they mean it tomorrow

export const useAddress = asked.use;

/** What every link of the page carries on: {index, period, level, parent, lang}. */
export function carry(view) {
  shown = view;
}

/** The address of the present view with the changes; a change to '' leaves the key out. */
export function link(change) {
  const query = Object.entries({ ...shown, ...change }).filter(([, value]) => value);
  return `?${new URLSearchParams(query)}`;
}

/** The same view with other settings (sort, search, …). */
export const here = (change) => link({ ...asked.get(), ...change });

/** Goes where a link leads. `replace`: not a step of its own for the back button. */
export function go(query, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', query);
  asked.set(read());
}

window.addEventListener('popstate', () => asked.set(read()));
document.addEventListener('click', (event) => {
  const anchor = event.target.closest?.('a[href^="?"]');
  if (anchor && event.button === 0 && !event.defaultPrevented
      && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)) {
    event.preventDefault();
    go(anchor.getAttribute('href'));
  }
});

/** A sort as the address has it: "-points" is by points, highest first. */
export function readSort(text, fallback) {
  const [, down, key] = /^(-?)(.*)$/.exec(text ?? fallback);
  return { key, direction: down ? -1 : 1 };
}

// What an address means

const groupsOf = (index, period) => index.levels.filter((l) => l.period === period);
export const periodsOf = (index) => index.periods.filter((p) => groupsOf(index, p).length);

/** The levels of a period, each with the groups that have results. */
export function levelsOf(index, period) {
  const levels = new Map();
  for (const group of groupsOf(index, period)) {
    levels.set(group.level, [...(levels.get(group.level) ?? []), group]);
  }
  return levels;
}

/** What is asked for as far as it exists, else the nearest there is; null without any index. */
export function resolve({ indexes }, wanted) {
  const index = indexes.find((i) => i.id === wanted.index)
    ?? indexes.find((i) => periodsOf(i).length) ?? indexes[0];
  if (!index) {
    return null;
  }
  const periods = periodsOf(index);
  const period = periods.includes(wanted.period) ? wanted.period : periods[0];
  const levels = period ? levelsOf(index, period) : new Map();
  const level = levels.has(wanted.level) ? wanted.level
    : levels.has('province') ? 'province' : [...levels.keys()][0];
  const groups = levels.get(level) ?? [];
  const parent = level === 'province' ? ''
    : groups.find((g) => g.parent === wanted.parent)?.parent
      ?? (wanted.level === level && !wanted.parent ? '' : groups[0]?.parent) ?? '';
  return {
    index, period, level, parent, levels,
    name: groups.find((g) => g.parent === parent)?.parent_name,
    view: !period ? 'criteria' : ['changes', 'compare', 'criteria'].includes(wanted.view) ? wanted.view
      : wanted.unit ? 'unit' : 'ranking',
  };
}
