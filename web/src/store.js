// A value that components watch.

import { useEffect, useState } from 'preact/hooks';

export function createStore(value) {
  const watchers = new Set();
  return {
    get: () => value,
    set(next) {
      if (next !== value) {
        value = next;
        watchers.forEach((w) => w(next));
      }
    },
    use() {
      const [seen, see] = useState(value);
      useEffect(() => {
        see(() => value);
        watchers.add(see);
        return () => watchers.delete(see);
      }, []);
      return seen;
    },
  };
}

/** What changed is announced to screen readers together, not row by row. */
export const announcement = createStore('');

/** The same words twice are said twice. */
export function announce(words) {
  announcement.set('');
  setTimeout(() => announcement.set(words), 50);
}

/** How old what is shown is: {asOf, stale, readAt}; each view says it for the strip at the top. */
export const freshness = createStore({});

export function useFreshness({ asOf, stale, readAt }) {
  useEffect(() => {
    freshness.set({ asOf, stale, readAt });
  }, [asOf, stale, readAt]);
  useEffect(() => () => freshness.set({}), []);
}
