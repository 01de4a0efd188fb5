// The event stream, and the brake between it and what it triggers.

import * as api from './api.js';
import { createStore } from './store.js';

const TICK_MS = 30000; // A reading without events: a half-dead connection says nothing.
const KINDS = ['score', 'ranking', 'source', 'reset'];

/** connecting, live, lost or paused; whoever shows figures reads them anew at each `live`. */
export const connection = createStore('connecting');
/** When it was paused or lost, in milliseconds; what is shown is of then. */
export const since = createStore(0);

const listeners = new Set();
let source;
let timer;
let wait;

/** Calls `heard(kind, event)` for each event, and for 'live' and 'tick'. Returns what ends it. */
export function listen(heard) {
  listeners.add(heard);
  return () => listeners.delete(heard);
}

const tell = (kind, event) => listeners.forEach((heard) => heard(kind, event));

function become(state) {
  const now = connection.get();
  if ((state === 'lost' || state === 'paused') && now !== state) {
    since.set(Date.now());
  }
  connection.set(state);
}

/** The browser resumes by itself after a cut; after an answer that is no stream it gives up, and then we try again. */
function open() {
  const stream = api.events();
  source = stream;
  stream.onopen = () => {
    wait = 1000;
    become('live');
    tell('live');
  };
  stream.onerror = () => {
    become('lost');
    if (stream.readyState === EventSource.CLOSED) {
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, 30000);
    }
  };
  for (const kind of KINDS) {
    stream.addEventListener(kind, ({ data }) => tell(kind, JSON.parse(data)));
  }
}

export function start() {
  become('connecting');
  wait = 1000;
  open();
}

export function pause() {
  clearTimeout(timer);
  source.close();
  become('paused');
}

setInterval(() => {
  if (connection.get() !== 'paused' && !document.hidden) {
    tell('tick');
  }
}, TICK_MS);

/**
 * A function that asks for a run of the async `task`. Runs never overlap and start `gap` ms apart
 * or more; all that is asked meanwhile becomes one further run. `ask(true)`, for what the reader
 * does, does not wait for the gap.
 */
export function coalesce(task, gap) {
  let running = false;
  let again = false;
  let pending = 0;
  let started = -Infinity;

  async function run() {
    pending = 0;
    again = false;
    running = true;
    started = performance.now();
    await task();
    running = false;
    if (again) {
      ask();
    }
  }

  function ask(now = false) {
    if (now) {
      started = -Infinity;
    }
    if (running) {
      again = true;
    } else if (!pending || now) {
      clearTimeout(pending);
      pending = setTimeout(run, Math.max(0, started + gap - performance.now()));
    }
  }

  return ask;
}
