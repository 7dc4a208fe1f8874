// Making elements. Text is always text: nothing here, and nothing elsewhere, parses markup, so
// what people or other systems wrote can be shown as it is.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element.
 *
 * `props`: `class`; `on` with listeners by event; `style` with values by CSS property; `data` with
 * values by name; `value`, `checked`, `selected` and `disabled` as properties; anything else is an
 * attribute, left out where it is null, undefined or false.
 *
 * @param {string} tag
 * @param {object} [props]
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/**
 * The same for drawings.
 *
 * @param {string} tag
 * @param {object} [props]
 * @param {...Node} children
 * @returns {SVGElement}
 */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.setAttribute("class", value);
    else if (name === "on") listen(element, value);
    else if (name === "style") paint(element, value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (["checked", "selected", "disabled", "open"].includes(name)) element[name] = true;
    else if (name !== "value") element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  // The value of a choice is one of its options, so it comes after them.
  if (props.value !== null && props.value !== undefined) {
    if (element.tagName === "OPTION") element.setAttribute("value", props.value);
    else element.value = props.value;
  }
  return element;
}

function listen(element, listeners) {
  for (const [event, listener] of Object.entries(listeners)) {
    element.addEventListener(event, listener);
  }
}

function paint(element, styles) {
  for (const [property, value] of Object.entries(styles)) {
    element.style.setProperty(property, value);
  }
}

/**
 * Adds children; lists are flattened, and what is not there is left out.
 *
 * @param {Node} parent
 * @param {Array} children
 */
export function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Puts children in the place of all that was there.
 *
 * @param {Element} parent
 * @param {...(Node|string|Array)} children
 * @returns {Element}
 */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
  return parent;
}

let count = 0;

/**
 * An id that no other element of the page has.
 *
 * @param {string} [stem]
 * @returns {string}
 */
export function freshId(stem = "e") {
  count += 1;
  return `${stem}-${count}`;
}
