// The two languages. The Vietnamese text is the key: t('Xếp hạng') is that, or its English.

import { getLanguage, setLanguage } from './language.js';

const KEPT = 'chiso.language';
let english = {}; // Loaded when it is asked for.

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
export const askedLanguage = (asked) => ((asked ?? kept(KEPT)) === 'en' ? 'en' : 'vi');

export const keepLanguage = (language) => keep(KEPT, language);

/** From now on t() speaks it; without its words the page stays Vietnamese. */
export async function speak(language) {
  if (language === 'en') {
    ({ ENGLISH: english } = await import('./english.js'));
  }
  setLanguage(language);
  document.documentElement.lang = language;
}

/** The text in the reader's language, with {name} replaced by values.name. */
export function t(text, values) {
  const said = getLanguage() === 'en' ? english[text] ?? text : text;
  return values ? said.replace(/\{(\w+)\}/g, (_, name) => values[name]) : said;
}

/** The `lang` for official texts and names, which are Vietnamese on the English page too. */
export const vietnamese = () => (getLanguage() === 'vi' ? undefined : 'vi');
