/** An element: h('td', {class: 'num'}, 'text', node, …), without what is falsy. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat().filter(Boolean));
  return element;
}

/** Sets the text only if it differs: a quiet update leaves selections and readers alone. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

export const badge = (text = 'Số liệu cũ', look = '') => h('span', { class: `badge ${look}` }, text);

/** A line of a <dl>. */
export const term = (name, value) => h('div', null, h('dt', null, name), h('dd', null, value));

/** The bar under points, as wide as its share ("86.9%") of the maximum. */
export function bar(share) {
  const element = h('span', { class: 'bar', 'aria-hidden': 'true' });
  element.style.setProperty('--share', share);
  return element;
}
