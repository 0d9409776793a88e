"""How a test looks at a page: functions that run in it, and the pixels of a picture."""

from __future__ import annotations

import struct
import zlib

# In an SVG a text that is not displayed still has a box.
SHOWN = """const shown = e => e.checkVisibility()
  && !(e.closest('svg') && [...function* () { for (let at = e; at; at = at.parentElement) yield at; }()]
    .some(at => getComputedStyle(at).display === 'none'));"""
# The texts a person can see, each with what is around it. Texts of the document stand in <bdi>.
SEEN = (
    "() => {"
    + SHOWN
    + """
  const seen = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), parent = walker.currentNode.parentElement;
    if (!text || !shown(parent)) continue;
    seen.push({
      text, quoted: !!parent.closest('bdi, code'), reference: !!parent.closest('.ref, .tick, .hash, .date, svg desc'),
      unit: parent.closest('.mgdl') ? 'mg/dL' : parent.closest('.mmoll') ? 'mmol/L' : '',
    });
  }
  return seen;
}"""
)
UNLABELLED = """() => [...document.querySelectorAll('.n')].filter(n => n.checkVisibility()).map(n => {
  const cell = n.closest('td, th'), table = n.closest('table');
  const head = cell && !n.closest('details.inner') ? table.tHead.rows[0].cells[cell.cellIndex] : null;
  const block = n.closest('li, p, dd, td, th, caption, div');
  const range = document.createRange();
  range.setStartAfter(n); range.setEndAfter(block.lastChild);
  const holder = document.createElement('div');
  const visible = range.cloneContents();
  holder.append(visible);
  const hidden = document.querySelector('#unit-mgdl').checked ? '.mmoll' : '.mgdl';
  holder.querySelectorAll(hidden + ', .vh').forEach(e => e.remove());
  const start = document.createRange();
  start.setStart(block, 0); start.setEndBefore(n);
  return {
    number: n.textContent, after: holder.textContent.replace(/\\s+/g, ' '),
    before: start.toString().replace(/\\s+/g, ' '), head: head ? head.textContent.replace(/\\s+/g, ' ').trim() : '',
  };
})"""
CONTRAST = (
    "() => {"
    + SHOWN
    + """
  const rgb = text => [...text.match(/[\\d.]+/g).map(Number), 1].slice(0, 4);
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (let at = e; at; at = at.parentElement) {
    const c = rgb(getComputedStyle(at).backgroundColor); if (c[3] > .99) return c; } return [255, 255, 255, 1]; };
  const worst = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !shown(parent) || parent.closest('.vh, .skip, title, desc')) continue;
    const style = getComputedStyle(parent);
    const ink = rgb(parent instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(ink), light(behind(parent))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const short = (a + .05) / (b + .05) / (large ? 3 : 4.5);
    const key = `${style.color} ${style.fill} on ${behind(parent)}: ${parent.className?.baseVal ?? parent.className}`;
    if (short < 1) worst[key] = short;
  }
  return worst;
}"""
)
STRUCTURE = """() => {
  const found = [];
  const all = s => [...document.querySelectorAll(s)];
  const name = e => e.outerHTML.slice(0, 90);
  for (const landmark of ['header', 'main', 'footer'])
    if (all('body > ' + landmark).length !== 1) found.push('landmark ' + landmark);
  if (!document.documentElement.lang || !document.title) found.push('language or title');
  let level = 0;
  for (const h of all('h1, h2, h3, h4')) {
    const now = Number(h.tagName[1]);
    if (now > level + 1) found.push('heading ' + name(h));
    if (!h.textContent.trim()) found.push('empty heading');
    level = now;
  }
  if (all('h1').length !== 1) found.push('h1');
  for (const t of all('table')) {
    if (!t.caption?.textContent.trim()) found.push('caption ' + name(t));
    for (const th of t.querySelectorAll('th')) if (!th.scope || !th.textContent.trim()) found.push('head ' + name(th));
    for (const row of t.tBodies[0].rows)
      if (row.cells.length !== t.tHead.rows[0].cells.length) found.push('row ' + name(row));
  }
  for (const svg of all('svg:not([aria-hidden=true])')) {
    const ids = (svg.getAttribute('aria-labelledby') || '').split(' ');
    if (svg.getAttribute('role') !== 'img' || !ids.every(id => svg.querySelector('#' + id)?.textContent.trim()))
      found.push('svg ' + name(svg));
  }
  for (const i of all('input'))
    if (!i.labels.length || !i.closest('fieldset').querySelector('legend')) found.push(name(i));
  for (const d of all('details')) if (!d.querySelector(':scope > summary')?.textContent.trim()) found.push('summary');
  for (const s of all('section')) if (!document.getElementById(s.getAttribute('aria-labelledby'))) found.push(name(s));
  for (const r of all('[role=region], .scroll'))
    if (!r.getAttribute('aria-label') || r.tabIndex !== 0) found.push(name(r));
  const ids = all('[id]').map(e => e.id);
  if (new Set(ids).size !== ids.length) found.push('two of one id');
  if (all('a').some(a => !document.querySelector(a.getAttribute('href')))) found.push('a link to nowhere');
  return found;
}"""


def pixels_of(png: bytes) -> list[tuple[int, ...]]:
    """Every pixel of an 8-bit PNG as red, green, blue."""
    at, data, width, depth = 8, b"", 0, 3
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, depth = struct.unpack(">I", body[:4])[0], {2: 3, 6: 4}[body[9]]
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    raw, stride, pixels = zlib.decompress(data), width * depth, []
    above = bytearray(stride)
    for start in range(0, len(raw), stride + 1):
        rule, row = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
        for i in range(stride):
            left, up, corner = (row[i - depth], above[i], above[i - depth]) if i >= depth else (0, above[i], 0)
            guess = left + up - corner
            nearest = min((left, up, corner), key=lambda v: abs(guess - v))
            row[i] = (row[i] + (0, left, up, (left + up) // 2, nearest)[rule]) & 255
        pixels += [tuple(row[i : i + 3]) for i in range(0, stride, depth)]
        above = row
    return pixels
