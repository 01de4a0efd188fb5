// Which language the page speaks. Apart from i18n.js, so that format.js runs without a document.

let language = 'vi';

export const getLanguage = () => language;
export const setLanguage = (wanted) => {
  language = wanted === 'en' ? 'en' : 'vi';
};
