// The last results of each unit of a table, for the lines in its rows, as long as there are no days
// to draw: read for what is on the screen only, a few at a time, and once.

import { useEffect, useState } from 'preact/hooks';
import * as api from './api.js';
import { linePoints } from './chart.jsx';

const AT_ONCE = 3;
const LONGEST = 60; // Points of a word-sized line.
const KEPT = 2000;

const known = new Map(); // key → {revision, points}
const waiting = [];
let busy = 0;

function next() {
  while (busy < AT_ONCE && waiting.length) {
    const task = waiting.shift();
    busy += 1;
    task().finally(() => {
      busy -= 1;
      next();
    });
  }
}

function remember(key, trend) {
  known.delete(key);
  known.set(key, trend);
  if (known.size > KEPT) {
    known.delete(known.keys().next().value);
  }
}

/** The points of a unit's line, oldest first, once `element` has come into sight; null before. */
export function useTrend(view, unit, element, needed) {
  const key = `${view.index.id}/${view.period}/${unit.code}`;
  const [, drawAgain] = useState(0);
  const trend = known.get(key);
  if (trend && trend.revision !== unit.revision && unit.points !== null) {
    // What has come since is in the row itself.
    remember(key, { revision: unit.revision,
      points: [...trend.points, { at: unit.as_of, value: unit.points }].slice(-LONGEST) });
  }
  useEffect(() => {
    if (!needed || known.has(key)) {
      return undefined;
    }
    let gone = false;
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) {
        return;
      }
      observer.disconnect();
      waiting.push(async () => {
        if (gone || known.has(key)) {
          return;
        }
        const answer = await api.history(view, unit.code, { limit: LONGEST }).catch(() => null);
        if (answer) {
          remember(key, { revision: answer.revisions[0]?.revision,
            points: linePoints(answer.revisions.slice(0, LONGEST)) });
        }
        if (!gone) {
          drawAgain((n) => n + 1);
        }
      });
      next();
    }, { rootMargin: '200px' });
    observer.observe(element.current);
    return () => {
      gone = true;
      observer.disconnect();
    };
  }, [key, needed]);
  return known.get(key)?.points ?? null;
}
