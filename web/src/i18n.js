// The two languages. The Vietnamese text is the key: t('Xếp hạng') is that, or its English.

import { ENGLISH } from './english.js';
import { getLanguage, setLanguage } from './language.js';

const KEPT = 'chiso.language';

/** A value the browser keeps, or undefined where it keeps none. */
export function kept(key) {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

export function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch { /* A browser that keeps nothing still shows everything. */ }
}

/** What the address asks for, else what was chosen here before, else Vietnamese. */
export function chooseLanguage(asked) {
  setLanguage(asked ?? kept(KEPT));
  document.documentElement.lang = getLanguage();
}

export const keepLanguage = () => keep(KEPT, getLanguage());

/** The text in the reader's language, with {name} replaced by values.name. */
export function t(text, values) {
  const said = getLanguage() === 'en' ? ENGLISH[text] ?? text : text;
  return values ? said.replace(/\{(\w+)\}/g, (_, name) => values[name]) : said;
}

/** The `lang` for official texts and names, which are Vietnamese on the English page too. */
export const vietnamese = () => (getLanguage() === 'vi' ? undefined : 'vi');
