// Reading the API for a view: kept fresh while it is shown, and honest about when it is not.

import { useEffect, useState } from 'preact/hooks';
import { coalesce, listen } from './live.js';

const GAP_MS = 500; // Between two readings that events ask for.
const RETRY_MS = 30000;

const NOTHING = {};

/**
 * The last good answer of read(signal) for this key, and what went wrong since: {answer, problem,
 * readAt}. `concerns(kind, event)` says which events make it read again; a lost stream that comes
 * back always does. A failure is tried again by itself. Never shows the answer of another key.
 */
export function useReading(key, read, concerns = () => true) {
  const [state, setState] = useState(NOTHING);
  useEffect(() => {
    if (!key) {
      return undefined;
    }
    let gone = false;
    let failures = 0;
    let timer = 0;
    const abort = new AbortController();
    const ask = coalesce(async () => {
      clearTimeout(timer);
      try {
        const answer = await read(abort.signal);
        if (!gone) {
          failures = 0;
          setState((old) => ({
            key, readAt: Date.now(),
            // The same object while nothing changed, so that nothing is drawn again.
            answer: JSON.stringify(old.answer) === JSON.stringify(answer) && old.key === key
              ? old.answer : answer,
          }));
        }
      } catch (problem) {
        if (!gone) {
          failures += 1;
          setState((old) => (old.key === key ? { ...old, problem } : { key, problem }));
          timer = setTimeout(ask, Math.min(1000 * 2 ** failures, RETRY_MS));
        }
      }
    }, GAP_MS);
    const unlisten = listen((kind, event) => {
      if (kind === 'live' || kind === 'tick' || kind === 'reset' || concerns(kind, event)) {
        ask();
      }
    });
    ask(true);
    return () => {
      gone = true;
      unlisten();
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  return state.key === key ? state : NOTHING;
}

/** Whether an event belongs to an index and period. */
export const isOf = (view) => (kind, event) => kind === 'source'
  || (event.index === view.index.id && event.period === view.period);
