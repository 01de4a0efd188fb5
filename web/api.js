// The read API of chiso-publisher, at addresses relative to the page: any prefix will do.

const BASE = new URL('api/v1/', document.baseURI);
const TIMEOUT_MS = 15000;

/** What went wrong, in words for the reader; `status` is 0 when there was no answer at all. */
class Problem extends Error {
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
        || `máy chủ trả lời ${response.status}`);
    }
    return answer;
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(0, 'máy chủ không trả lời');
  } finally {
    clearTimeout(timer);
  }
}

const part = encodeURIComponent;
const unitPath = ({ index, period, unit: code }) =>
  `indexes/${part(index)}/${part(period)}/units/${part(code)}`;

export const indexes = (signal) => get('indexes', signal);
export const index = (id, signal) => get(`indexes/${part(id)}`, signal);
export const unit = (view, signal) => get(unitPath(view), signal);
export const history = (view, signal) => get(`${unitPath(view)}/history`, signal);
export const events = () => new EventSource(new URL('events', BASE));

export function ranking({ index, period, level, parent }, signal) {
  const query = new URLSearchParams(parent ? { level, parent } : { level });
  return get(`indexes/${part(index)}/${part(period)}/ranking?${query}`, signal);
}
