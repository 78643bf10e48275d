/**
 * Makes an element. Text goes in as text and nothing else: there is no way to pass HTML.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | boolean | ((event: Event) => void)>} attributes A function listens to the event of
 *   that name; true is an attribute without value, false none.
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value)
    else if (value !== false) made.setAttribute(name, value === true ? '' : value)
  }
  made.append(...children.filter((child) => child !== null))
  return made
}

/**
 * A picture that says nothing by itself.
 * @param {'document' | 'face' | 'fingerprint' | 'qr' | 'shield' | 'warning'} name
 */
export const icon = (name) =>
  element('img', { src: `page/${name}.svg`, alt: '', class: 'icon', width: '24', height: '24' })

/**
 * An element that index.html has.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id)
  if (found === null) throw new TypeError(`index.html has no ${id}`)
  return found
}
