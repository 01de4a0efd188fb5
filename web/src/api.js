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
/** `more`: as_of, limit. */
export const ranking = (view, more, signal) =>
  get(`${results(view)}/ranking${query({ ...scope(view), ...more })}`, signal);
/** What differs between `since`, a day or a moment, and now. */
export const changes = (view, since, signal) =>
  get(`${results(view)}/changes${query({ ...scope(view), since })}`, signal);
/** The percentage of every unit at the end of each of the last days. */
export const trend = (view, days, signal) =>
  get(`${results(view)}/trend${query({ ...scope(view), days })}`, signal);
export const unit = (view, code, asOf, signal) =>
  get(`${results(view)}/units/${part(code)}${query({ as_of: asOf })}`, signal);
/** `more`: limit, step. Newest first. */
export const history = (view, code, more, signal) =>
  get(`${results(view)}/units/${part(code)}/history${query(more)}`, signal);
export const events = () => new EventSource(new URL('events', BASE));

/** Where a reader finds the body a figure was read from. */
export const rawUrl = (sha256) => new URL(`raw/${sha256}`, BASE).href;
export const apiUrl = BASE.href;
