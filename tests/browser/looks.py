"""What a page must be to everybody: readable, labelled, not wider than the screen, and free of scripts but ours."""

from playwright.sync_api import Page

# In the page: every text's contrast against what is painted behind it (WCAG 2.2, 1.4.3), and the rest of the list.
_PROBLEMS = """
() => {
  const problems = [];
  const say = (what, element) => problems.push(`${what}: ${element ? element.outerHTML.slice(0, 120) : ''}`);
  const rgba = text => {
    const numbers = text.match(/[\\d.]+/g).map(Number);
    return [numbers[0], numbers[1], numbers[2], numbers[3] ?? 1];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
      if (colour[3] !== 0) say('half transparent background', at);
    }
    return [255, 255, 255, 1];
  };
  const shown = element => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const hidden = element => element.closest('.unseen');

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !shown(element) || hidden(element)) continue;
    const style = getComputedStyle(element);
    const grounds = [behind(element)];
    // The footer may stand on the ground below the gate, which a shadow paints.
    if (element.closest('.person')) {
      const probe = document.createElement('i');
      probe.style.color = 'var(--ground)';
      document.body.append(probe);
      grounds.push(rgba(getComputedStyle(probe).color));
      probe.remove();
    }
    for (const ground of grounds) {
      const found = contrast(rgba(style.color), ground);
      if (found < 4.5) say(`contrast ${found.toFixed(2)}`, element);
    }
    if (parseFloat(style.fontSize) < 13) say(`text of ${style.fontSize}`, element);
  }

  for (const element of document.querySelectorAll('input:not([type=hidden]), button, a, summary')) {
    if (!shown(element)) continue;
    if (!element.labels?.length && !element.textContent.trim()) say('no label', element);
    const { width, height } = element.getBoundingClientRect();
    if (element.matches('input, button, .button, .role, summary') && (width < 44 || height < 44))
      say('too small to touch', element);
    const edge = getComputedStyle(element).borderTopColor;
    if (element.matches('.field, .button, .role') && contrast(rgba(edge), behind(element.parentElement)) < 3)
      say('faint edge', element);
  }
  for (const element of document.querySelectorAll('[aria-describedby]'))
    for (const id of element.getAttribute('aria-describedby').split(' '))
      if (!document.getElementById(id)) say(`nothing has the id ${id}`, element);
  for (const image of document.querySelectorAll('img:not([alt]), svg:not([aria-hidden])')) say('no text', image);
  const script = 'script[src^="/static/portal.js?v="]:empty';
  for (const element of document.querySelectorAll(`script:not(${script}), style, iframe, object, embed, base`))
    say('not ours', element);
  for (const element of document.querySelectorAll('*'))
    for (const { name } of element.attributes)
      if (name.startsWith('on') || name === 'style') say(`attribute ${name}`, element);

  const wide = document.documentElement.scrollWidth - window.innerWidth;
  if (wide > 0) say(`${wide} pixels wider than the screen`);
  if (document.querySelectorAll('h1').length !== 1) say('not one h1');
  if (document.querySelectorAll('main').length !== 1) say('not one main');
  if (!document.title.trim()) say('no title');
  if (!document.documentElement.lang) say('no language');
  const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
  if (new Set(ids).size !== ids.length) say('an id twice');
  return problems;
}
"""


def problems(page: Page) -> list[str]:
    found: list[str] = page.evaluate(_PROBLEMS)
    return found
