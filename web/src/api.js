// The read API of chiso-publisher, at addresses relative to the page: any prefix will do.

import { t } from './i18n.js';

const BASE = new URL('api/v1/', document.baseURI);
const TIMEOUT_MS = 15000;

/** What went wrong, in words for the reader; `status` is 0 when there was no answer at all. */
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function get(path, signal) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  signal?.addEventListener('abort', () => abort.abort());
  try {
    const response = await fetch(new URL(path, BASE), { signal: abort.signal, cache: 'no-cache' });
    // What stands between may answer without problem+json: then the status has to do.
    const answer = await response.json().catch(() => null);
    if (!response.ok || !answer) {
      throw new Problem(response.status, [answer?.title, answer?.detail].filter(Boolean).join(' – ')
        || t('máy chủ trả lời {status}', { status: response.status }));
    }
    return answer;
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(0, t('máy chủ không trả lời'));
  } finally {
    clearTimeout(timer);
  }
}

const part = encodeURIComponent;
const results = (view) => `indexes/${part(view.index.id)}/${part(view.period)}`;
const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => value);
  return given.length ? `?${new URLSearchParams(given)}` : '';
};
const scope = ({ level, parent }) => ({ level, parent });

export const indexes = (signal) => get('indexes', signal);
export const index = (id, signal) => get(`indexes/${part(id)}`, signal);
const rankingPath = (view, more) => `${results(view)}/ranking${query({ ...scope(view), ...more })}`;
const changesPath = (view, more) => `${results(view)}/changes${query({ ...scope(view), ...more })}`;
const unitPath = (view, code, more) => `${results(view)}/units/${part(code)}${query(more)}`;

/** `more`: as_of, limit. */
export const ranking = (view, more, signal) => get(rankingPath(view, more), signal);
/** What differs between `since`, a day or a moment, and now. */
export const changes = (view, since, signal) => get(changesPath(view, { since }), signal);
/** The percentage of every unit at the end of each of the last days. */
export const trend = (view, days, signal) =>
  get(`${results(view)}/trend${query({ ...scope(view), days })}`, signal);
export const unit = (view, code, asOf, signal) => get(unitPath(view, code, { as_of: asOf }), signal);
/** `more`: limit, step. Newest first. */
export const history = (view, code, more, signal) =>
  get(`${results(view)}/units/${part(code)}/history${query(more)}`, signal);

/** The same as tables to take along; `format` is csv or xlsx. */
export const tables = {
  ranking: (view) => (format) => new URL(rankingPath(view, { format }), BASE).href,
  changes: (view, since) => (format) => new URL(changesPath(view, { since, format }), BASE).href,
  unit: (view, code) => (format) => new URL(unitPath(view, code, { format }), BASE).href,
};
export const events = () => new EventSource(new URL('events', BASE));

/** The official self-assessment form of a unit, to print and sign. */
export const formUrl = (view, code) =>
  new URL(`${results(view)}/units/${part(code)}/form`, BASE).href;
/** Where a reader finds the body a figure was read from. */
export const rawUrl = (sha256) => new URL(`raw/${sha256}`, BASE).href;
