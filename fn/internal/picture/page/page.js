'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  if (!data.environments.length) data.environments.push({name: '', nodes: [], connections: []});
  const maxLines = 1500; // more are drawn only for what is chosen or under the pointer
  const denseLines = 200;
  const maxListed = 250;
  const manyNodes = 60;
  const around = 32; // how far a line within one column swings out
  const state = {environment: 0, namespace: '', query: '', unmeant: false, chosen: null};
  const byId = (id) => document.getElementById(id);
  const [scroll, board, lines, columns, panel] = ['scroll', 'board', 'lines', 'columns', 'panel'].map(byId);

  // What is shown: set by render.
  let environment, shown, boxes;

  function element(tag, properties, ...children) {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(properties || {})) {
      if (k === 'class') e.className = v;
      else if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
      else e.setAttribute(k, v);
    }
    e.append(...children);
    return e;
  }
  function drawing(tag, attributes, ...children) {
    const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    e.append(...children);
    return e;
  }

  // Connections come as numbers: the nodes, the ports and the openers.
  for (const e of data.environments) {
    e.connections = e.connections.map(([from, to, ports, openers], number) => {
      const all = ports.map((p) => data.ports[p]);
      return {
        number, from, to, ports: all, openers: openers.map((o) => data.openers[o]), label: all.map((p) => p.label).join(' '),
        unknown: all.every((p) => p.verdict === 'unknown'), unmeant: all.some((p) => !p.meant),
      };
    });
  }

  // --- filters

  function setUpFilters() {
    const choices = byId('environments');
    data.environments.forEach((e, i) => {
      const input = element('input', {type: 'radio', name: 'environment', value: String(i), onchange: () => { changeEnvironment(i); }});
      input.checked = i === 0;
      choices.append(element('label', {}, input, element('span', {}, e.name || 'environment')));
    });
    choices.hidden = data.environments.length < 2 && !data.environments[0].name;
    byId('namespace').addEventListener('change', (e) => { state.namespace = e.target.value; render(); });
    byId('query').addEventListener('input', (e) => { state.query = e.target.value.toLowerCase(); render(); });
    byId('unmeant').addEventListener('change', (e) => { state.unmeant = e.target.checked; render(); });
    byId('filters').addEventListener('submit', (e) => e.preventDefault());
    listNamespaces();
  }

  function listNamespaces() {
    const names = [...new Set(data.environments[state.environment].nodes.filter((n) => !n.peer).map((n) => n.namespace || ''))].sort();
    if (!names.includes(state.namespace)) state.namespace = '';
    byId('namespaces').hidden = names.length < 2;
    byId('namespace').replaceChildren(element('option', {value: ''}, 'all'), ...names.filter(Boolean).map((n) => element('option', {value: n}, n)));
    byId('namespace').value = state.namespace;
  }

  // The choice stays where the other environment has a node or a connection of the same short name.
  function changeEnvironment(i) {
    const before = environment, chosen = state.chosen;
    state.environment = i;
    state.chosen = null;
    const now = data.environments[i];
    const same = (n) => now.nodes.findIndex((m) => m.short === before.nodes[n].short && m.peer === before.nodes[n].peer);
    if (chosen && chosen.node !== undefined && same(chosen.node) >= 0) state.chosen = {node: same(chosen.node)};
    if (chosen && chosen.connection) {
      const [from, to] = [same(chosen.connection.from), same(chosen.connection.to)];
      const connection = now.connections.find((c) => c.from === from && c.to === to);
      if (connection) state.chosen = {connection};
    }
    listNamespaces();
    render();
  }

  function passes(c) {
    const ends = [environment.nodes[c.from], environment.nodes[c.to]];
    return (!state.namespace || ends.some((n) => !n.peer && n.namespace === state.namespace)) &&
      (!state.query || ends.some((n) => n.name.toLowerCase().includes(state.query))) && (!state.unmeant || c.unmeant);
  }

  // --- the board

  function render() {
    environment = data.environments[state.environment];
    shown = environment.connections.filter(passes);
    const filtered = state.namespace || state.query || state.unmeant;
    const ends = new Set(shown.flatMap((c) => [c.from, c.to]));
    const matches = (n) => (!state.namespace || n.namespace === state.namespace) && (!state.query || n.name.toLowerCase().includes(state.query)) && !state.unmeant && !n.peer;
    const visible = environment.nodes.map((n, i) => !filtered || ends.has(i) || matches(n));
    renderColumns(visible);
    const workloads = environment.nodes.filter((n, i) => visible[i] && !n.peer).length;
    const bad = shown.filter((c) => c.unmeant).length;
    byId('status').textContent = `${workloads} workloads, ${shown.length} connections` + (bad ? `, ${bad} with ports that no flow means` : '') +
      (shown.length > maxLines ? '; lines are drawn for what is chosen or under the pointer' : '');
    if (state.chosen && state.chosen.node !== undefined && !visible[state.chosen.node]) state.chosen = null;
    if (state.chosen && state.chosen.connection && !shown.includes(state.chosen.connection)) state.chosen = null;
    drawLines(null);
    choose(state.chosen);
  }

  // A column for the peers that come in, one for each tier, and one for the peers that are reached: a peer may be in both.
  function renderColumns(visible) {
    const comes = new Set(shown.map((c) => c.from)), reached = new Set(shown.map((c) => c.to));
    const slots = new Map();
    for (const c of shown) {
      if (!slots.has(c.to)) slots.set(c.to, []);
      if (!slots.get(c.to).includes(c.label)) slots.get(c.to).push(c.label);
    }
    const parts = new Map([['in', {title: 'comes in', nodes: []}]]);
    environment.nodes.forEach((n, i) => {
      if (!visible[i]) return;
      if (n.peer) {
        if (comes.has(i)) parts.get('in').nodes.push(i);
        return;
      }
      const key = 'tier ' + (n.tier || '');
      if (!parts.has(key)) parts.set(key, {title: n.tier || 'no tier', nodes: []});
      parts.get(key).nodes.push(i);
    });
    parts.set('out', {title: 'is reached', nodes: environment.nodes.map((n, i) => i).filter((i) => visible[i] && environment.nodes[i].peer && reached.has(i))});
    boxes = {from: new Map(), to: new Map(), columns: []};
    columns.replaceChildren();
    for (const [key, part] of parts) {
      if (!part.nodes.length) continue;
      const column = element('div', {class: 'column', role: 'group', 'aria-label': part.title}, element('h2', {}, part.title));
      const all = [];
      for (const i of part.nodes) {
        const labels = key === 'in' ? [] : slots.get(i) || [];
        const box = {node: i, column: boxes.columns.length, labels, button: nodeButton(i, labels)};
        if (key !== 'out') boxes.from.set(i, box);
        if (key !== 'in') boxes.to.set(i, box);
        all.push(box);
        column.append(box.button);
      }
      boxes.columns.push(all);
      columns.append(column);
    }
    board.classList.toggle('many', visible.filter(Boolean).length > manyNodes);
  }

  function nodeButton(i, labels) {
    const n = environment.nodes[i];
    const button = element('button', {type: 'button', class: n.peer ? 'node peer' : 'node', title: [n.kind, n.name].filter(Boolean).join(' '),
      onclick: () => choose({node: i}, true), onmouseenter: () => light((c) => c.from === i || c.to === i), onmouseleave: () => light(null),
      onfocus: () => light((c) => c.from === i || c.to === i), onblur: () => light(null)}, element('b', {}, n.short));
    button.append(...labels.map((l) => element('i', {}, l)));
    button.dataset.name = n.name;
    return button;
  }

  // --- the lines

  function measure() {
    const origin = board.getBoundingClientRect();
    for (const column of boxes.columns) {
      for (const box of column) {
        const r = box.button.getBoundingClientRect();
        Object.assign(box, {left: r.left - origin.left, right: r.right - origin.left, top: r.top - origin.top, bottom: r.bottom - origin.top});
        const rows = [...box.button.children].map((e) => { const s = e.getBoundingClientRect(); return (s.top + s.bottom) / 2 - origin.top; });
        box.head = rows[0];
        box.slots = new Map(box.labels.map((l, k) => [l, rows[k + 1]]));
      }
      const left = Math.min(...column.map((b) => b.left)), right = Math.max(...column.map((b) => b.right));
      const half = board.classList.contains('many') ? 8 : 14;
      column.gaps = [column[0].top - half + 2, ...column.map((b) => b.bottom + half)].map((y) => ({left, right, y}));
    }
    lines.setAttribute('width', board.scrollWidth);
    lines.setAttribute('height', board.scrollHeight);
  }

  const curve = (x1, y1, x2, y2) => `C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`;

  // As the SVG has it: through the gaps of the columns in between, to the left where the destination is in an earlier column,
  // around on the left in one column.
  function pathOf(c) {
    const from = boxes.from.get(c.from), to = boxes.to.get(c.to);
    if (!from || !to) return null;
    let x = from.right, y = from.head, side = 1, endX = to.left;
    const endY = to.slots.get(c.label), columnsBetween = to.column - from.column;
    if (columnsBetween === 0) x = from.left;
    if (columnsBetween < 0) [x, endX, side] = [from.left, to.right, -1];
    const step = Math.abs(columnsBetween), startY = y;
    let path = `M${x} ${y}`;
    for (let k = 1; k < step; k++) {
      const straight = startY + (endY - startY) * k / step;
      const gap = boxes.columns[from.column + k * side].gaps.reduce((a, b) => Math.abs(b.y - straight) < Math.abs(a.y - straight) ? b : a);
      const gapY = gap.y + (c.number % 5 - 2) * (board.classList.contains('many') ? 1.5 : 3);
      const [near, far] = side > 0 ? [gap.left, gap.right] : [gap.right, gap.left];
      path += curve(x, y, near, gapY) + `H${far}`;
      [x, y] = [far, gapY];
    }
    const tip = endX - 6 * side;
    path += columnsBetween === 0 ? `C${x - around} ${y} ${tip - around} ${endY} ${tip} ${endY}` : curve(x, y, tip, endY);
    return [path, `M${endX} ${endY}l${-7 * side} -3.5v7z`];
  }

  function drawLine(c) {
    const paths = pathOf(c);
    if (!paths) return null;
    const g = drawing('g', {class: 'connection' + (c.unknown ? ' unknown' : '') + (c.unmeant ? ' unmeant' : ''), 'data-number': c.number},
      drawing('title', {}, sentence(c)), drawing('path', {class: 'hit', d: paths[0]}), drawing('path', {class: 'line', d: paths[0]}), drawing('path', {class: 'head', d: paths[1]}));
    return g;
  }

  // Without a choice of connections all lines are drawn, if they are not too many.
  function drawLines(which) {
    measure();
    const draw = shown.length <= maxLines ? shown : which ? shown.filter(which).slice(0, maxLines) : [];
    lines.classList.toggle('dense', draw.length > denseLines);
    lines.replaceChildren(...draw.map(drawLine).filter(Boolean));
  }

  const ownLight = () => {
    const chosen = state.chosen;
    if (!chosen) return null;
    return chosen.connection ? (c) => c === chosen.connection : (c) => c.from === chosen.node || c.to === chosen.node;
  };

  // light brings the connections out; null goes back to those that are chosen.
  function light(which) {
    which = which || ownLight();
    if (shown.length > maxLines) drawLines(which);
    lines.classList.toggle('focussed', Boolean(which));
    const ends = new Set();
    for (const c of which ? shown.filter(which) : []) ends.add(c.from).add(c.to);
    if (state.chosen && state.chosen.node !== undefined) ends.add(state.chosen.node);
    for (const g of lines.children) g.classList.toggle('lit', Boolean(which) && which(environment.connections[g.dataset.number]));
    for (const box of boxes.columns.flat()) box.button.classList.toggle('dim', Boolean(which) && !ends.has(box.node));
  }

  lines.addEventListener('click', (e) => {
    const g = e.target.closest('g.connection');
    if (g) choose({connection: environment.connections[g.dataset.number]}, true);
  });
  lines.addEventListener('mouseover', (e) => {
    const g = e.target.closest('g.connection');
    if (g && shown.length <= maxLines) light((c) => c.number === Number(g.dataset.number));
  });
  lines.addEventListener('mouseout', () => { if (shown.length <= maxLines) light(null); });

  // --- the panel

  function choose(what, byUser) {
    state.chosen = what;
    for (const box of boxes.columns.flat()) {
      const chosen = Boolean(what) && what.node === box.node;
      box.button.classList.toggle('chosen', chosen);
      box.button.setAttribute('aria-pressed', String(chosen));
    }
    panel.replaceChildren(...(!what ? overview() : what.connection ? aboutConnection(what.connection) : aboutNode(what.node)));
    if (byUser) panel.scrollTop = 0;
    light(null);
  }

  const name = (i) => environment.nodes[i].short;
  const sentence = (c) => [`${environment.nodes[c.from].name} to ${environment.nodes[c.to].name}`,
    ...c.ports.map((p) => `${p.port}: ${p.verdict}, ${p.meant ? 'meant' : 'no flow means it'}`), ...c.openers.map((o) => `${o.direction}: ${openerText(o)}`)].join('\n');
  const openerText = (o) => [[o.policy, o.file && `(${o.file})`, o.field].filter(Boolean).join(' '), o.text].filter(Boolean).join(': ');

  function links(connections, text) {
    const list = element('ul', {});
    for (const c of connections.slice(0, maxListed)) {
      list.append(element('li', {}, element('button', {type: 'button', class: 'link', onclick: () => { choose({connection: c}, true); panel.focus(); }},
        element('span', {}, text(c)), element('span', {class: c.unmeant ? 'bad' : ''}, c.label))));
    }
    if (connections.length > maxListed) list.append(element('li', {}, `and ${connections.length - maxListed} more: choose a workload, or filter`));
    return list;
  }

  function overview() {
    return [element('h2', {}, environment.name || 'All connections'), element('p', {}, 'Choose a workload, a peer or a connection.'),
      element('h3', {}, 'Connections'), links(shown, (c) => `${name(c.from)} → ${name(c.to)}`)];
  }

  const back = () => element('button', {type: 'button', class: 'back', onclick: goBack}, '← all connections');

  function goBack() {
    const chosen = state.chosen;
    choose(null, true);
    const node = chosen && (chosen.connection ? chosen.connection.from : chosen.node);
    const box = boxes.from.get(node) || boxes.to.get(node);
    if (box) box.button.focus({preventScroll: true});
    light(null);
  }

  function aboutNode(i) {
    const n = environment.nodes[i];
    const comes = shown.filter((c) => c.to === i), goes = shown.filter((c) => c.from === i);
    const out = [back(), element('h2', {}, n.name), element('p', {}, n.peer ? 'A peer: an end outside the tiers' : [n.kind, n.tier ? `tier ${n.tier}` : 'without a tier'].filter(Boolean).join(', '))];
    if (!n.peer || comes.length) out.push(element('h3', {}, `Comes in (${comes.length})`), comes.length ? links(comes, (c) => `from ${name(c.from)}`) : element('p', {}, 'nothing'));
    if (!n.peer || goes.length) out.push(element('h3', {}, `Goes out (${goes.length})`), goes.length ? links(goes, (c) => `to ${name(c.to)}`) : element('p', {}, 'nothing'));
    return out;
  }

  function aboutConnection(c) {
    const rows = c.ports.map((p) => element('tr', {}, element('td', {}, p.port), element('td', {}, p.verdict),
      element('td', {class: p.meant ? '' : 'bad'}, p.meant ? 'a flow means it' : 'no flow means it')));
    const out = [back(), element('h2', {}, `${name(c.from)} → ${name(c.to)}`),
      element('p', {}, `${environment.nodes[c.from].name} to ${environment.nodes[c.to].name}`),
      element('table', {}, element('tr', {}, ...['Port', 'Verdict', 'Meant'].map((t) => element('th', {scope: 'col'}, t))), ...rows)];
    for (const [direction, title] of [['egress', `Lets it out of ${name(c.from)}`], ['ingress', `Lets it in to ${name(c.to)}`]]) {
      const openers = c.openers.filter((o) => o.direction === direction);
      const peer = environment.nodes[direction === 'egress' ? c.from : c.to].peer;
      out.push(element('h3', {}, title));
      if (!openers.length) out.push(element('p', {}, peer ? 'A peer: what binds it is not known here.' : 'No rule does.'));
      else out.push(element('ul', {}, ...openers.map(openerItem)));
    }
    return out;
  }

  function openerItem(o) {
    const item = element('li', {});
    if (o.policy) item.append(element('code', {}, o.policy), ' ', element('code', {}, o.field || ''), ...(o.file ? [element('br', {}), o.file] : []));
    if (o.text) item.append(...(o.policy ? [element('br', {})] : []), o.text);
    return item;
  }

  // --- the keyboard

  document.addEventListener('keydown', (e) => {
    if (e.key === 'Escape' && state.chosen) return goBack();
    const steps = {ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0]};
    const box = boxes.columns.flat().find((b) => b.button === document.activeElement);
    if (!box || !steps[e.key]) return;
    e.preventDefault();
    const [across, down] = steps[e.key];
    const column = boxes.columns[box.column + across];
    if (!column) return;
    const near = across ? column.reduce((a, b) => Math.abs(b.head - box.head) < Math.abs(a.head - box.head) ? b : a) : column[column.indexOf(box) + down];
    if (near) near.button.focus();
  });

  new ResizeObserver(() => { drawLines(ownLight()); light(null); }).observe(columns);

  setUpFilters();
  render();
  scroll.scrollTop = 0;
})();
