// The event stream, and the brake between it and what it triggers.

import * as api from './api.js';

/**
 * Holds one EventSource. `onState` hears connecting, live, lost and paused; `onEvent` kind and data.
 * The browser resumes by itself after a cut; after an answer that is no stream it gives up, and
 * then we try again. Whoever listens must read anew at each `live`.
 */
export class Live {
  #source;
  #timer;
  #wait;

  constructor({ onState, onEvent }) {
    Object.assign(this, { onState, onEvent });
  }

  start() {
    this.onState('connecting');
    this.#wait = 1000;
    this.#open();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#source.close();
    this.onState('paused');
  }

  #open() {
    const source = api.events();
    this.#source = source;
    source.onopen = () => {
      this.#wait = 1000;
      this.onState('live');
    };
    source.onerror = () => {
      this.onState('lost');
      if (source.readyState === EventSource.CLOSED) {
        this.#timer = setTimeout(() => this.#open(), this.#wait);
        this.#wait = Math.min(this.#wait * 2, 30000);
      }
    };
    for (const kind of ['score', 'ranking', 'source']) {
      source.addEventListener(kind, ({ data }) => this.onEvent(kind, JSON.parse(data)));
    }
  }
}

/**
 * A function that asks for a run of the async `task`. Runs never overlap and start `gap` ms apart
 * or more; all that is asked meanwhile becomes one further run. `ask(true)`, for what the reader
 * does, does not wait for the gap.
 */
export function coalesce(task, gap) {
  let running = false;
  let again = false;
  let timer = 0;
  let started = -Infinity;

  async function run() {
    timer = 0;
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
    } else if (!timer || now) {
      clearTimeout(timer);
      timer = setTimeout(run, Math.max(0, started + gap - performance.now()));
    }
  }

  return ask;
}
