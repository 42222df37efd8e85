// The page of the daemon: what was asked of Finesse, and what came of it, as it happens.
//
// Knows the daemon's /page/... answers and how to show them; decides nothing about outcomes. All
// that came from outside is placed as text nodes and attributes, never as markup. What arrives is
// gathered and shown once per frame; rows are made only where they are seen; all that is kept has
// a bound.

const MOST = 10_000; // requests in the table
const PAGE = 1_000; // requests of one answer
const SLACK = 6; // rows made above and below what is seen
const QUEUE = 2_000; // events that wait for a frame
const LONGEST = 400; // characters of a text in a row
const SPANS = 60; // spans and gaps of an agent's line
const SPEAK_EVERY = 4_000; // ms between two announcements
const REFRESH = 15_000; // ms between two looks at /page/info and the tab that is open
const REST_AFTER = 3_000; // ms out of sight until the stream is let go: a browser has six for all tabs
const ROUNDS = 5; // answers that one search asks for
const RETRY = [1_000, 2_000, 4_000, 8_000]; // ms; the last one again and again
const SVG = "http://www.w3.org/2000/svg";

const KINDS = ["confirmed", "presumed", "failed", "rejected", "unconfirmed", "abandoned", "open"];
const MEANS = {
  confirmed: "the effect asked for was seen",
  presumed: "silence is the normal answer here, and no error came",
  failed: "it was taken, and then refused, or the call failed",
  rejected: "refused at once, or it never left; sending it again is safe",
  unconfirmed: "nobody said; it may have happened",
  abandoned: "we stopped waiting; it may have happened",
  open: "still waiting",
};
const WHY = {
  request_id: "Finesse tied it to this request by its id",
  expectation: "the change asked for was seen; who caused it is not said",
  sole_pending: "an error without an id fits this request alone",
  snapshot: "a GET showed it; who caused it is not said",
  deadline: "nothing that proves it was heard in time",
  link_lost: "the link was lost while waiting",
  ambiguous: "what was heard fits more than one request",
  no_answer: "Finesse did not answer the request itself",
  dialog_ended: "the dialog ended, which does not say why",
  restarted: "the daemon was restarted while waiting",
  weak: "what was heard is weaker evidence than was asked for",
  not_reported: "whether it was sent was never reported",
  not_sent: "nothing left the daemon's machine",
  expired_in_queue: "it waited for its turn, or for a way to Finesse, until the deadline; it was not sent",
  cancelled: "it was cancelled before it was sent",
  shutdown: "the daemon was stopping",
  caller: "the caller stopped waiting",
};

// ---------------------------------------------------------------- elements

const at = (id) => document.getElementById(id);

function put(node, given, inside) {
  for (const [key, value] of Object.entries(given)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(key, value === true ? "" : String(value));
    }
  }
  node.append(...inside.flat(9).filter((each) => each !== null && each !== undefined && each !== false));
  return node;
}
const el = (name, given = {}, ...inside) => put(document.createElement(name), given, inside);
const draw = (name, given = {}, ...inside) => put(document.createElementNS(SVG, name), given, inside);

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
function mark(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}
const shape = (name) =>
  draw("svg", { class: "shape", "aria-hidden": "true" }, draw("use", { href: `#shape-${name}` }));
const clip = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
const word = (text) => String(text ?? "").replaceAll("_", " ");
const many = (count, one, more = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

// ---------------------------------------------------------------- time

const dayOf = new Intl.DateTimeFormat("sv", { year: "numeric", month: "2-digit", day: "2-digit" });
const clockOf = new Intl.DateTimeFormat("sv", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minuteOf = new Intl.DateTimeFormat("sv", { hour: "2-digit", minute: "2-digit" });
const offsetOf = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" });

let ahead = 0; // ms by which the daemon's clock is ahead of the browser's
const now = () => Date.now() + ahead;
const parsed = (text) => (text ? Date.parse(text) : null);
const known = (time) => time !== null && Number.isFinite(time);

function clock(time, exact = false) {
  if (!known(time)) return "–";
  const ms = exact ? `.${String(((time % 1000) + 1000) % 1000).padStart(3, "0")}` : "";
  return clockOf.format(time) + ms;
}
function moment(time, exact = false) {
  if (!known(time)) return "–";
  const day = dayOf.format(time);
  return day === dayOf.format(now()) ? clock(time, exact) : `${day} ${clock(time, exact)}`;
}
function ago(time, from = now()) {
  const seconds = Math.max(0, Math.floor((from - time) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
function length(ms) {
  if (!known(ms)) return "";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(2)} s` : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
function zone() {
  const offset = offsetOf.formatToParts(now()).find((part) => part.type === "timeZoneName").value;
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `Times: ${name}${offset === "GMT" ? "" : ` (${offset.replace("GMT", "UTC")})`}`;
}

// ---------------------------------------------------------------- asking the daemon

class Refused extends Error {
  constructor(status, told) {
    super(told.detail || told.title || `HTTP ${status}`);
    this.status = status;
    this.told = told;
  }
}
let visit = 0; // of the page's use between two sign-ins

/** Return what the daemon answers. Raises Refused, also for what was asked before the sign-in. */
async function ask(path, query = {}, how = {}) {
  const mine = visit;
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  const answer = await fetch(path + search, { credentials: "same-origin", cache: "no-store", ...how });
  const told = await answer.json().catch(() => ({}));
  if (mine !== visit) throw new Refused(0, { title: "another sign-in" });
  if (answer.ok) return told;
  const refused = new Refused(answer.status, told);
  if (answer.status === 401 && how.method === undefined) signedOut();
  throw refused;
}

// ---------------------------------------------------------------- what is known

const store = { rows: new Map(), order: [], generation: 0, more: false };
const agents = new Map();
const NOTHING_YET = {
  session: null, info: null, query: "", paused: false, frozen: null, view: [], crew: [], found: 0,
  lostSince: null, refused: false, readAt: null, resting: false, streamed: "", opened: null, signedIn: false,
  loading: true, loaded: false, numbers: false, stale: false, searched: null, notes: [],
  timelineKnown: null, timelineLeftOut: 0,
};
const state = { tab: "requests", kinds: new Set(), ...NOTHING_YET };

/** What the tables show: what is known, or what was known when they were paused. */
const shown = () => state.frozen ?? { rows: store.rows, order: store.order, more: store.more, agents, at: now() };
/** A search that was answered by the daemon keeps what it found as long as it stands. */
const searched = () => (state.searched?.words === state.query.trim() ? state.searched : null);
const rowAt = (id) => (state.frozen ?? store).rows.get(id) ?? state.searched?.rows.get(id);

function rowOf(told) {
  const errors = (told.errors ?? []).slice(0, 4).map((each) => clip(String(each)));
  const row = {
    id: told.id, requestId: clip(told.requestId ?? ""), agent: clip(told.agent ?? ""),
    action: clip(told.requestedAction ?? ""), dialog: clip(told.dialogId ?? ""),
    newDialog: told.newDialog ?? null, state: told.state, kind: told.kind ?? "open",
    evidence: told.evidence ?? null, reason: told.reason ?? null, status: told.status ?? null,
    stage: told.stage ?? null, errors, late: told.late ?? 0, askedBy: told.askedBy ?? null,
    submitted: parsed(told.submitted), sent: parsed(told.sent), answered: parsed(told.answered),
    settled: parsed(told.settled), live: -1, version: 0,
  };
  if (!KINDS.includes(row.kind)) row.kind = "open";
  row.text = [row.id, row.requestId, row.agent, row.dialog, row.newDialog ?? "", row.action, row.askedBy ?? "", row.kind, ...errors]
    .join("\n").toLowerCase();
  return row;
}
const newer = (one, other) => other.submitted - one.submitted || (one.id < other.id ? 1 : -1);

/** Put rows in; those of the stream (`live`) stand above those that were loaded. */
function keep(rows, live) {
  const fresh = [];
  for (const row of rows) {
    const old = store.rows.get(row.id);
    if (old && !live && old.live === store.generation) continue;
    row.live = live ? store.generation : -1;
    row.version = (old?.version ?? 0) + 1;
    row.seen = old ? old.seen : live;
    store.rows.set(row.id, row);
    if (old) continue;
    fresh.push(row.id);
  }
  if (fresh.length) insert(fresh);
}
function insert(ids) {
  const byTime = (one, other) => newer(store.rows.get(one), store.rows.get(other));
  ids.sort(byTime);
  const first = store.order[0];
  const onTop = first === undefined || byTime(ids.at(-1), first) < 0;
  store.order = ids.concat(store.order);
  if (!onTop) store.order.sort(byTime);
  while (store.order.length > MOST) { // the paused table has rows of its own
    store.rows.delete(store.order.pop());
    store.more = true;
  }
}
function only(ids) {
  store.order = store.order.filter((id) => {
    const stays = ids.has(id) || store.rows.get(id).live === store.generation;
    if (!stays) store.rows.delete(id);
    return stays;
  });
}

function wanted() {
  const terms = state.query.toLowerCase().split(/\s+/).filter(Boolean);
  const tests = terms.map((term) => {
    const [, field, value] = /^(agent|dialog|request|action|error):(.+)$/.exec(term) ?? [];
    if (field === undefined) return (row) => row.text.includes(term);
    const of = {
      agent: (row) => row.agent.toLowerCase() === value,
      dialog: (row) => row.dialog.toLowerCase() === value || row.newDialog?.toLowerCase() === value,
      request: (row) => row.requestId.toLowerCase() === value || row.id === value,
      action: (row) => row.action.toLowerCase() === value,
      error: (row) => row.errors.some((each) => each.toLowerCase() === value),
    };
    return of[field];
  });
  return (row) => tests.every((test) => test(row));
}

// ---------------------------------------------------------------- rows that are made where they are seen

class Rows {
  /** `make` returns an element, `fill(element, id, index)` writes a row into it. */
  constructor(grid, { make, fill, version, open }) {
    this.grid = grid;
    this.scroll = grid.querySelector(".scroll");
    this.sizer = grid.querySelector(".sizer");
    Object.assign(this, { make, fill, version, open, ids: [], made: new Map(), active: null, height: 30 });
    this.scroll.addEventListener("scroll", () => frame(), { passive: true });
    this.sizer.addEventListener("click", (event) => this.clicked(event));
    this.grid.addEventListener("keydown", (event) => this.pressed(event));
    new ResizeObserver(() => { this.measure(); frame(); }).observe(this.scroll);
  }
  measure() {
    const probe = this.made.values().next().value?.element;
    const height = probe ? probe.getBoundingClientRect().height : this.height;
    if (height > 8 && Math.abs(height - this.height) > 0.5) {
      const index = Math.floor(this.scroll.scrollTop / this.height);
      this.height = height;
      this.made.forEach((row) => { row.index = -1; });
      this.sizer.style.height = `${this.ids.length * height}px`;
      this.scroll.scrollTop = index * height;
    }
  }
  /** Show these; what was at the top stays where it is, unless the list is at its beginning. */
  set(ids) {
    const place = this.scroll.scrollTop;
    const top = Math.floor(place / this.height);
    const anchor = place > 0 ? this.ids[top] : undefined;
    const offset = place - top * this.height;
    this.ids = ids;
    this.sizer.style.height = `${ids.length * this.height}px`;
    mark(this.grid, "aria-rowcount", ids.length + 1);
    if (anchor !== undefined && ids[top] !== anchor) {
      const index = ids.indexOf(anchor);
      if (index >= 0) this.scroll.scrollTop = index * this.height + offset;
    }
    if (!ids.includes(this.active)) {
      const held = this.made.get(this.active)?.element.contains(document.activeElement);
      this.active = ids[0] ?? null;
      if (held) this.refocus = true;
    }
  }
  render() {
    if (!this.scroll.clientHeight) return;
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / this.height) - SLACK);
    const last = Math.min(this.ids.length, Math.ceil((this.scroll.scrollTop + this.scroll.clientHeight) / this.height) + SLACK);
    const places = new Map();
    const kept = this.ids.indexOf(this.active);
    if (kept >= 0 && kept < first) places.set(this.active, kept);
    for (let index = first; index < last; index += 1) places.set(this.ids[index], index);
    if (kept >= last) places.set(this.active, kept);
    const free = [];
    for (const [id, row] of this.made) {
      if (places.has(id)) continue;
      this.made.delete(id);
      free.push(row);
    }
    let cursor = this.sizer.firstElementChild;
    for (const [id, index] of places) {
      const row = this.made.get(id) ?? this.reused(free, id);
      this.placed(row, id, index);
      cursor = this.ordered(row.element, cursor);
    }
    free.forEach((row) => row.element.remove());
    if (this.refocus && this.made.has(this.active)) {
      this.refocus = false;
      if (!document.activeElement?.matches("input:not([type=checkbox]), select, button, .details")) this.focus();
    }
    if (!this.measured && this.made.size) {
      this.measured = true;
      this.measure();
      frame();
    }
  }
  reused(free, id) {
    const row = free.pop() ?? { element: this.make() };
    Object.assign(row, { index: -1, version: -1 });
    this.made.set(id, row);
    return row;
  }
  placed(row, id, index) {
    if (row.index !== index) {
      row.index = index;
      row.element.style.transform = `translateY(${index * this.height}px)`;
      row.element.setAttribute("aria-rowindex", index + 2);
    }
    mark(row.element, "tabindex", id === this.active ? 0 : -1);
    const version = this.version(id);
    if (row.version !== version || row.element.dataset.id !== id) {
      row.version = version;
      row.element.dataset.id = id;
      this.fill(row.element, id);
    }
  }
  /** Keep the order of elements that of the rows, without moving the one that has the focus. */
  ordered(element, cursor) {
    if (element === cursor) return cursor.nextElementSibling;
    if (element.contains(document.activeElement)) {
      while (cursor && cursor !== element) {
        const next = cursor.nextElementSibling;
        this.sizer.append(cursor);
        cursor = next;
      }
      return element.nextElementSibling;
    }
    this.sizer.insertBefore(element, cursor);
    return cursor;
  }
  clear() {
    this.made.clear();
    this.sizer.replaceChildren();
    this.set([]);
  }
  refill() {
    this.made.forEach((row) => { row.version = -1; });
  }
  clicked(event) {
    const id = event.target.closest?.(".row")?.dataset.id;
    if (id === undefined) return;
    this.active = id;
    this.open?.(id);
    frame();
  }
  pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.scroll.clientHeight / this.height) - 1);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const letters = lettersOn() ? { j: 1, k: -1 } : {};
    const step = by[event.key] ?? letters[event.key];
    if (step !== undefined) this.move(step);
    else if (event.key === "Enter" && this.active !== null) this.open?.(this.active);
    else return;
    event.preventDefault();
  }
  move(step) {
    if (!this.ids.length) return;
    const index = Math.max(0, this.ids.indexOf(this.active));
    const to = Math.min(this.ids.length - 1, Math.max(0, index + step));
    this.active = this.ids[to];
    this.show(to);
    this.render();
    this.focus();
  }
  show(index) {
    const top = index * this.height;
    const { scrollTop, clientHeight } = this.scroll;
    if (top < scrollTop) this.scroll.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.scroll.scrollTop = top + this.height - clientHeight;
  }
  focus() {
    this.made.get(this.active)?.element.focus({ preventScroll: true });
  }
}

// ---------------------------------------------------------------- the table of requests

const CELLS = ["at", "ago", "agent", "action", "dialog", "outcome", "how", "took", "note"];

function makeRequest() {
  const cells = CELLS.map((name) => el("span", { role: "gridcell", class: `c-${name}` }));
  return el("div", { role: "row", class: "row", tabindex: -1 }, cells);
}
function kindMark(kind) {
  return el("span", { class: `kind kind-${kind}` }, shape(kind), kind);
}
function howKnown(row) {
  if (row.kind === "open") return word(row.state);
  return word(row.evidence ?? row.reason ?? (row.status === null ? "" : `HTTP ${row.status}`));
}
function noteOf(row) {
  const parts = [...row.errors];
  if (row.late) parts.push(`+${many(row.late, "late note")}`);
  if (!row.errors.length && row.stage) parts.push(row.stage);
  if (row.newDialog && row.newDialog !== row.dialog) parts.push(`new dialog ${row.newDialog}`);
  return parts.join(" · ");
}
function fillRequest(element, id) {
  const row = rowAt(id);
  if (!row) { // never what it showed before
    [...element.children].forEach((cell) => { cell.replaceChildren(); delete cell.dataset.kind; cell.removeAttribute("title"); });
    return;
  }
  const [when, since, agent, action, dialog, outcome, how, took, note] = element.children;
  say(when, moment(row.submitted, true));
  say(since, ago(row.submitted, shown().at));
  say(agent, row.agent);
  say(action, row.action);
  say(dialog, row.dialog || "–");
  if (outcome.dataset.kind !== row.kind) {
    outcome.dataset.kind = row.kind;
    outcome.replaceChildren(kindMark(row.kind));
  }
  say(how, howKnown(row));
  say(took, row.settled === null ? "" : length(row.settled - row.submitted));
  say(note, noteOf(row));
  note.title = noteOf(row);
  mark(element, "aria-selected", state.opened === id);
  element.classList.toggle("fresh", Boolean(row.seen));
  row.seen = false;
}

const table = new Rows(at("requests"), {
  make: makeRequest, fill: fillRequest, open: (id) => open(id),
  version: (id) => (rowAt(id)?.version ?? 0) * 2 + (state.opened === id ? 1 : 0),
});

function kindButtons() {
  at("kinds").replaceChildren(...KINDS.map((kind) =>
    el("button", { type: "button", "data-kind": kind, "aria-pressed": "false", title: MEANS[kind],
      onclick: () => toggleKind(kind) }, kindMark(kind), el("span", { class: "count" }, "0"))));
}
function toggleKind(kind) {
  if (!state.kinds.delete(kind)) state.kinds.add(kind);
  for (const button of at("kinds").children) {
    mark(button, "aria-pressed", state.kinds.has(button.dataset.kind));
  }
  changed(true);
}

/** Choose what the table shows, and count outcomes on the way. */
function choose() {
  const fits = wanted();
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  const all = state.query.trim() === "";
  const view = [];
  let found = 0;
  const among = candidates();
  for (const id of among) {
    const row = rowAt(id);
    if (!all && !fits(row)) continue;
    found += 1;
    counts[row.kind] += 1;
    if (!state.kinds.size || state.kinds.has(row.kind)) view.push(id);
  }
  state.view = view;
  state.found = found;
  for (const button of at("kinds").children) {
    say(button.lastElementChild, counts[button.dataset.kind].toLocaleString("en"));
  }
  table.set(view);
  say(at("found"), foundWords(view.length, among.length));
  emptyWords();
  toldWords();
}
function candidates() {
  const { order, rows } = shown();
  const older = [...(searched()?.rows.keys() ?? [])].filter((id) => !rows.has(id));
  if (!older.length) return order;
  return order.concat(older).sort((one, other) => newer(rowAt(one), rowAt(other)));
}
/** What the daemon said beside the rows: what a search found, what cannot be read. */
function toldWords() {
  const search = searched();
  const words = [...(search ? [search.said, ...search.notes] : []), ...state.notes];
  say(at("told"), [...new Set(words)].join(" "));
  at("told").hidden = !words.length;
}
function foundWords(count, whole) {
  if (state.tab === "sessions") return state.query ? `${many(state.crew.length, "agent")} found` : "";
  if (state.query || state.kinds.size) return `${count.toLocaleString("en")} of ${whole.toLocaleString("en")}`;
  return shown().more ? `the newest ${whole.toLocaleString("en")}` : many(whole, "request");
}
function emptyWords() {
  const empty = at("requests").querySelector(".empty");
  empty.hidden = state.view.length > 0;
  if (state.view.length) return;
  if (state.loading) say(empty, "Reading the requests …");
  else if (shown().order.length) {
    say(empty, searched() ? "No request fits, here or at the daemon. Esc clears search and filters."
      : "No request here fits. Enter in the search asks the daemon for older ones, by ids and actions; Esc clears search and filters.");
  }
  else say(empty, "No request yet. They appear here as soon as a program sends one, for example: listener send --agent ID HOLD --dialog-id ID");
}

// ---------------------------------------------------------------- sessions on a time line

const SESSION_CELLS = ["agent", "state", "since", "node", "line"];
const crew = new Rows(at("sessions"), {
  make: () => el("div", { role: "row", class: "row", tabindex: -1 },
    SESSION_CELLS.map((name) => el("span", { role: "gridcell", class: `c-${name}` }))),
  fill: fillAgent, open: (id) => searchFor(`agent:${id}`),
  version: (id) => shown().agents.get(id)?.version ?? 0,
});

let heardAgents = 0; // counts what the stream said of agents
function agentOf(told) {
  const old = agents.get(told.id);
  const agent = old ?? { id: told.id, spans: [], gaps: [], version: 0, heard: 0 };
  const before = old ? `${old.state}|${old.node}|${old.live}` : null;
  Object.assign(agent, {
    state: clip(told.state ?? ""), live: Boolean(told.live), node: clip(told.node ?? ""),
    since: parsed(told.since), lastError: told.lastError ?? null,
    text: `${told.id}\n${told.state}\n${told.node}`.toLowerCase(),
  });
  agent.version += 1;
  if (told.lastGap) addGap(agent, told.lastGap);
  if (before !== `${agent.state}|${agent.node}|${agent.live}`) {
    addSpan(agent, { from: agent.since, until: null, live: agent.live, state: agent.state });
  }
  agents.set(told.id, agent);
  return agent;
}
function addSpan(agent, span) {
  const last = agent.spans.at(-1);
  if (last && last.until === null) {
    if (last.from === span.from && last.live === span.live) return;
    last.until = span.from ?? now();
  }
  agent.spans.push(span);
  if (agent.spans.length > SPANS) agent.spans.shift();
}
function addGap(agent, told) {
  const gap = { from: parsed(told.from), until: parsed(told.until), cause: told.cause ?? null, lossless: Boolean(told.lossless) };
  const index = agent.gaps.findIndex((each) => each.from === gap.from);
  if (index >= 0) agent.gaps[index] = gap;
  else agent.gaps.push(gap);
  if (agent.gaps.length > SPANS) agent.gaps.shift();
}
function lineOf(told) {
  const agent = agents.get(told.id);
  if (!agent) return;
  agent.spans = told.spans.slice(-SPANS).map((span) => ({ ...span, from: parsed(span.from), until: parsed(span.until) }));
  agent.gaps = [];
  told.gaps.slice(-SPANS).forEach((gap) => addGap(agent, gap));
  agent.version += 1;
}
const trouble = (agent) => (agent.live ? 0 : 2) + (agent.gaps.some((gap) => gap.until === null) ? 1 : 0);

function chooseCrew() {
  const terms = state.query.toLowerCase().split(/\s+/).filter(Boolean).map((term) => term.replace(/^agent:/, ""));
  const there = [...shown().agents.values()];
  const found = there.filter((agent) => terms.every((term) => agent.text.includes(term)));
  found.sort((one, other) => trouble(other) - trouble(one) || Math.min(1, other.gaps.length) - Math.min(1, one.gaps.length)
    || one.id.localeCompare(other.id, "en", { numeric: true }));
  state.crew = found.map((agent) => agent.id);
  crew.set(state.crew);
  const up = there.filter((agent) => agent.live).length;
  const blank = state.timelineKnown ? ` Nothing is known from before ${moment(state.timelineKnown)}.` : "";
  const left = state.timelineLeftOut ? ` ${many(state.timelineLeftOut, "span")} left out: show a shorter time.` : "";
  say(at("sessions-words"), `${up.toLocaleString("en")} of ${many(there.length, "session")} hear events; those in trouble come first.${blank}${left}`);
  const empty = at("sessions").querySelector(".empty");
  empty.hidden = found.length > 0;
  say(empty, there.length ? "No agent here fits the search. Esc clears it." : "No agent is held. They are configured in listener.toml ([[agents]]), or come with PUT /v1/agents/ID.");
  axis();
}
const minutes = () => Number(at("span").value);

function fillAgent(element, id) {
  const agent = shown().agents.get(id);
  if (!agent) {
    [...element.children].forEach((cell) => { cell.replaceChildren(); cell.removeAttribute("title"); });
    return;
  }
  const [name, status, since, node, line] = element.children;
  say(name, agent.id);
  const mood = agent.live ? "up" : agent.state === "down" || agent.state === "given_up" ? "down" : "wait";
  const begin = shown().at - minutes() * 60_000;
  const gaps = agent.gaps.filter((gap) => (gap.until ?? Infinity) > begin).length;
  const words = word(agent.state) + (gaps ? `, ${many(gaps, "gap")}` : "")
    + (agent.lastError && !agent.live ? `: ${agent.lastError}` : "");
  status.className = `c-state state-${mood}`;
  status.title = words;
  status.replaceChildren(shape(mood), words);
  say(since, known(agent.since) ? moment(agent.since) : "–");
  say(node, agent.node || "–");
  line.replaceChildren(trackOf(agent));
}
function trackOf(agent) {
  const end = shown().at;
  const begin = end - minutes() * 60_000;
  const bar = (from, until, name, height, title) => {
    const left = Math.max(0, ((from ?? begin) - begin) / (end - begin));
    const right = Math.min(1, ((until ?? end) - begin) / (end - begin));
    if (right <= 0 || left >= 1 || right < left) return null;
    const width = Math.max(right - left, 0.003);
    return draw("rect", { class: name, x: `${left * 100}%`, width: `${width * 100}%`, y: (16 - height) / 2, height },
      draw("title", {}, title));
  };
  const until = (span) => `${moment(span.from)} to ${span.until === null ? "now" : moment(span.until)}`;
  const spans = agent.spans.map((span) => bar(span.from, span.until, span.live ? "heard" : "away", 8,
    `${span.live ? "heard" : word(span.state)} ${until(span)}`));
  const gaps = agent.gaps.map((gap) => bar(gap.from, gap.until, gap.lossless ? "gap lossless" : "gap", 14,
    `gap ${until(gap)}: ${gap.cause ?? "cause not known"}${gap.lossless ? "; nothing was lost" : ""}`));
  const recent = agent.gaps.filter((gap) => (gap.until ?? end) > begin);
  const words = recent.length
    ? `${many(recent.length, "gap")}, the last from ${until(recent.at(-1))}: ${recent.at(-1).cause ?? "cause not known"}`
    : agent.spans.length ? "no gap" : "nothing known";
  return draw("svg", { class: "track", role: "img", "aria-label": words },
    blanks(agent, begin, end).map(([from, to]) => bar(from, to, "unknown", 8, "nothing is known of this time")), spans, gaps);
}
/** Return the times of which neither a span nor a gap tells anything. */
function blanks(agent, begin, end) {
  const told = [...agent.spans, ...agent.gaps].map((each) => [each.from ?? begin, each.until ?? end]);
  told.sort(([one], [other]) => one - other);
  const found = [];
  let behind = begin;
  for (const [from, until] of [...told, [end, end]]) {
    if (Math.min(from, end) - behind > (end - begin) / 200) found.push([behind, Math.min(from, end)]);
    behind = Math.max(behind, until);
  }
  return found;
}
function axis() {
  const end = shown().at;
  const length = minutes() * 60_000;
  const ticks = [0, 0.25, 0.5, 0.75].map((part) => draw("g", {},
    draw("line", { x1: `${part * 100}%`, x2: `${part * 100}%`, y1: 14, y2: 20 }),
    draw("text", { x: `${part * 100}%`, y: 14, dx: 2 }, minuteOf.format(end - (1 - part) * length))));
  at("axis").replaceChildren(...ticks, draw("text", { x: "100%", y: 14, "text-anchor": "end" }, state.frozen ? minuteOf.format(end) : "now"));
}

// ---------------------------------------------------------------- figures

const BOUNDS = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000, Infinity];

function figures() {
  if (selecting(at("view-figures"))) return;
  const actions = new Map();
  let oldest = Infinity;
  let total = 0;
  for (const id of state.view) {
    const row = rowAt(id);
    const of = actions.get(row.action) ?? { counts: {}, times: [], total: 0 };
    of.counts[row.kind] = (of.counts[row.kind] ?? 0) + 1;
    of.total += 1;
    total += 1;
    if (row.settled !== null) of.times.push(row.settled - row.submitted);
    oldest = Math.min(oldest, row.submitted);
    actions.set(row.action, of);
  }
  const sorted = [...actions].sort(([one, a], [other, b]) => b.total - a.total || one.localeCompare(other)).slice(0, 200);
  const chosen = state.query || state.kinds.size ? " that fit search and filters" : "";
  say(at("figures-words"), total
    ? `Of the ${many(total, "request")}${chosen} in the table, since ${moment(oldest)}: outcomes, and how long the outcome took from the moment it was submitted.`
    : "No request yet, or none that fits: outcomes and latency of each action will stand here.");
  at("figures").replaceChildren(...sorted.map(([action, of]) => figure(action, of)));
}
function figure(action, of) {
  const words = KINDS.filter((kind) => of.counts[kind]);
  let left = 0;
  const bars = words.map((kind) => {
    const width = (of.counts[kind] / of.total) * 100;
    const bar = draw("rect", { class: `fill-${kind}`, x: `${left}%`, width: `${Math.max(0.4, width - 0.3)}%`, height: 16 },
      draw("title", {}, `${kind} ${of.counts[kind]}`));
    const sign = width < 6 ? null : draw("use", { class: `on-bar on-bar-${kind}`, href: `#shape-${kind}`, x: `${left}%`, y: 2, width: 12, height: 12, transform: "translate(4 0)" });
    left += width;
    return [bar, sign];
  });
  return el("li", {},
    el("div", {}, el("h3", {}, action), el("span", { class: "faint" }, many(of.total, "request"))),
    el("div", {}, draw("svg", { class: "stack", "aria-hidden": "true" }, bars),
      el("div", { class: "tally" }, words.map((kind) => el("span", {}, kindMark(kind), ` ${of.counts[kind].toLocaleString("en")}`)))),
    latency(of.times));
}
function latency(times) {
  if (!times.length) return el("div", { class: "latency faint" }, "none is settled yet");
  times.sort((one, other) => one - other);
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  const counts = BOUNDS.map(() => 0);
  times.forEach((time) => { counts[BOUNDS.findIndex((bound) => time <= bound)] += 1; });
  const most = Math.max(...counts);
  const step = 100 / counts.length;
  const bars = counts.map((count, index) => {
    const from = index ? length(BOUNDS[index - 1]) : "0";
    const to = BOUNDS[index] === Infinity ? "more" : length(BOUNDS[index]);
    const height = count ? Math.max(2, (count / most) * 30) : 0;
    return draw("rect", { x: `${index * step}%`, width: `${step * 0.85}%`, y: 32 - height, height },
      draw("title", {}, `${from} to ${to}: ${count}`));
  });
  const ticks = [0, 3, 6, 9].map((index) => draw("text", { x: `${(index + 1) * step}%`, y: 44, "text-anchor": "middle" }, length(BOUNDS[index]).replace(".00", "")));
  const words = `half within ${length(at(0.5))}, 95 % within ${length(at(0.95))}, longest ${length(times.at(-1))}`;
  return el("div", { class: "latency" },
    draw("svg", { class: "histogram", role: "img", "aria-label": `latency: ${words}` }, bars, ticks, draw("line", { x1: 0, x2: "100%", y1: 33, y2: 33 })),
    el("span", {}, words));
}

// ---------------------------------------------------------------- errors

let summed = null;
async function errors() {
  try {
    summed = await ask("/page/summary", { minutes: 1440 });
  } catch (refused) {
    if (!summed) say(at("errors-words"), `The errors cannot be read: ${refused.message}`);
    return;
  }
  if (selecting(at("view-errors"))) return;
  const term = state.query.trim().toLowerCase();
  const fitting = summed.errors.filter((each) => !term || JSON.stringify(each).toLowerCase().includes(term));
  say(at("errors-words"), summed.errors.length
    ? `What Finesse and the CTI side refused since ${moment(parsed(summed.since))}, the most frequent first${summed.complete ? "" : " (older ones are not in memory any more)"}.`
    : `No error since ${moment(parsed(summed.since))}.`);
  renew(at("errors"), fitting.slice(0, 200).map(errorGroup));
}
function errorGroup(each) {
  const code = [each.family, each.code].filter(Boolean).join(" ");
  const actions = Object.entries(each.actions ?? {}).map(([action, count]) => `${action} ${count}`).join(", ");
  return el("li", {},
    el("h3", {}, el("span", { class: "kind kind-failed" }, shape("failed"), clip(each.constant ?? each.errorType ?? each.key)),
      code ? el("span", { class: "faint" }, ` ${code}`) : null),
    el("p", { class: "times" }, `${each.count === 1 ? "once" : `${each.count.toLocaleString("en")} times`}, last ${moment(parsed(each.last))} (${ago(parsed(each.last))})${actions ? `; ${actions}` : ""}`),
    each.meaning ? el("p", {}, each.meaning) : el("p", { class: "faint" }, "This error is not in the catalogue."),
    each.advice ? el("p", {}, el("strong", {}, "What to do: "), each.advice) : null,
    el("div", { class: "some" }, (each.requests ?? []).map((id) => {
      const row = rowAt(id);
      return el("button", { type: "button", "data-key": `${each.key} ${id}`, onclick: () => open(id) },
        row ? `${row.action} ${moment(row.submitted)}` : `request ${id.slice(0, 13)}…`);
    })));
}

// ---------------------------------------------------------------- one request

let asking = null;
let opener = null;

/** Say whether a text that stands in a part of the page is selected just now. */
function selecting(part) {
  const chosen = getSelection();
  return Boolean(chosen && !chosen.isCollapsed && chosen.rangeCount && chosen.getRangeAt(0).intersectsNode(part));
}
/** Put other content into a box; the focus stays with what has the same key. */
function renew(box, nodes) {
  const key = box.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  box.replaceChildren(...nodes);
  if (key !== undefined) box.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}
/** The same for a part of the opened request: what is folded stays so, and what is equal stays. */
function refresh(name, nodes) {
  const body = at("details-body");
  const old = body.querySelector(`:scope > [data-part="${name}"]`);
  const part = el("div", { "data-part": name }, nodes);
  if (!old) {
    body.append(part);
    return;
  }
  for (const box of part.querySelectorAll("details[data-key]")) {
    const before = old.querySelector(`details[data-key="${CSS.escape(box.dataset.key)}"]`);
    if (before) box.open = before.open;
  }
  if (!old.isEqualNode(part)) renew(old, [...part.childNodes]);
}

function open(id) {
  select("requests");
  if (at("details").hidden) opener = document.activeElement;
  state.opened = id;
  table.active = id;
  at("details").hidden = false;
  cover();
  at("details-body").replaceChildren(el("p", { class: "faint" }, "Reading …"));
  at("details-body").scrollTop = 0;
  headline(rowAt(id));
  at("details").focus({ preventScroll: true });
  changed(true);
  const index = state.view.indexOf(id);
  if (index >= 0) table.show(index);
  read(id);
}
function close() {
  asking?.abort();
  state.opened = null;
  at("details").hidden = true;
  cover();
  changed(true);
  step();
  if (opener && opener !== document.body && !opener.closest(".sizer") && opener.checkVisibility()) opener.focus();
  else table.focus();
  if (document.activeElement === document.body) at(`tab-${state.tab}`).focus();
}
/** What lies under the open request on a narrow screen is out of reach meanwhile. */
const narrow = matchMedia("(max-width: 900px)");
function cover() {
  at("requests").inert = narrow.matches && !at("details").hidden;
}
function headline(row) {
  at("details-title").replaceChildren(...(row
    ? [kindMark(row.kind), ` ${row.action} of agent ${row.agent}`, row.dialog ? ` on dialog ${row.dialog}` : ""]
    : ["Request"]));
}
/** Read what is opened; `anyway`: also into a text that is being selected. */
async function read(id, anyway = false) {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const unmask = state.session?.numbers && state.numbers ? "true" : null;
  const answers = await Promise.allSettled([
    requestTold(id, unmask, signal),
    ask("/page/story", { request: id, unmask }, { signal }),
    ask("/page/raw", { request: id, unmask }, { signal }),
  ]);
  if (signal.aborted || state.opened !== id) return;
  const body = at("details-body");
  const first = !body.querySelector(":scope > [data-part]");
  state.stale = !first && !anyway && selecting(at("details"));
  if (state.stale) return; // it is read again when the selection is gone
  const [request, story, raw] = answers.map((each) => (each.status === "fulfilled" ? each.value : null));
  const wrong = answers.map((each) => each.reason?.message ?? "");
  if (request) headline(rowOf(request));
  const scrolled = body.scrollTop;
  if (first) body.replaceChildren();
  refresh("request", aboutRequest(id, request, story, wrong[0]));
  refresh("story", aboutStory(id, story, wrong[1], unmask));
  refresh("xml", aboutXml(raw, wrong[2]));
  body.scrollTop = scrolled;
}
async function requestTold(id, unmask, signal) {
  const path = `/page/requests/${encodeURIComponent(id)}`;
  try {
    return await ask(path, { unmask }, { signal });
  } catch (refused) {
    if (!unmask || ![400, 403, 422].includes(refused.status)) throw refused;
    return ask(path, {}, { signal }); // a daemon that masks this one always
  }
}
function selectionChanged() {
  if (state.stale && state.opened !== null && !selecting(at("details"))) {
    state.stale = false;
    reread(state.opened);
  }
}
function aboutRequest(id, told, story, wrong) {
  if (!told) return [el("p", {}, `This request cannot be read: ${wrong}`)];
  const row = rowOf(told);
  const how = row.evidence ?? row.reason;
  const mine = story?.requests?.find((each) => each.id === told.id);
  const parts = [
    el("p", { class: "verdict" }, kindMark(row.kind), `: ${MEANS[row.kind]}.`,
      how ? ` ${word(how)}: ${WHY[how] ?? ""}.` : ""),
  ];
  if (mine) parts.push(el("p", {}, el("strong", {}, "Send it again? "), `${mine.mayRepeat}.`));
  if (mine?.missing) parts.push(el("p", {}, el("strong", {}, "Missing: "), `${mine.missing}.`));
  parts.push(...(told.errorsTold ?? []).map(errorCard));
  parts.push(...(told.warnings ?? []).map((each) => el("p", { class: "finding" }, el("strong", {}, `Warning: ${word(each.code)}`), each.detail)));
  parts.push(el("dl", { class: "facts-list" }, factsOf(told, row).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])));
  if (told.lateNotes?.length) {
    parts.push(el("h3", {}, "Heard after the outcome"), el("ul", {}, told.lateNotes.map((each) =>
      el("li", {}, `+${each.at.toFixed(3)} s: ${word(each.kind)}. ${each.detail ?? ""}`))));
  }
  return parts;
}
function errorCard(each) {
  return el("div", { class: "error-card" },
    el("strong", {}, each.constant ?? each.errorType ?? "an error without a name"),
    el("p", {}, [each.errorType, each.errorData, each.errorMessage, each.peripheralErrorText]
      .filter((text) => text && text !== each.constant).join(" · ")),
    each.meaning ? el("p", {}, each.meaning) : null,
    each.advice ? el("p", {}, el("strong", {}, "What to do: "), each.advice) : null);
}
function factsOf(told, row) {
  const after = (time) => (time === null ? "–" : `${moment(time, true)}  (+${length(time - row.submitted)})`);
  const sent = row.sent === null && row.kind !== "open" ? "not by the daemon" : after(row.sent);
  return [
    ["submitted", `${moment(row.submitted, true)}, ${ago(row.submitted)}; ${told.submitted} (UTC)`],
    ["sent", sent],
    ["answered", row.answered === null ? "–" : `${after(row.answered)}${row.status === null ? "" : `, HTTP ${row.status}`}`],
    ["settled", row.settled === null ? `still ${word(row.state)}` : after(row.settled)],
    row.stage ? ["stage", row.stage] : null,
    row.newDialog ? ["new dialog", row.newDialog] : null,
    ["requestId", el("span", { class: "id" }, told.requestId ?? "–")],
    ["id", el("span", { class: "id" }, told.id)],
    ["asked by", told.askedBy ?? "–"],
    ...(told.window?.gaps ?? []).map((gap) => ["gap", `${moment(parsed(gap.from))} to ${gap.until ? moment(parsed(gap.until)) : "now"}`]),
  ].filter(Boolean);
}

// ---------------------------------------------------------------- its story, as findings and as a sequence

function aboutStory(id, story, wrong, unmask) {
  if (!story) return [el("h3", {}, "What happened"), el("p", {}, `There is no story: ${wrong}`)];
  const found = story.findings.filter((each) => each.request === id || each.request === null);
  const query = new URLSearchParams({ request: id, ...(unmask ? { unmask } : {}) });
  const parts = [
    found.length ? el("h3", {}, "Causes") : null,
    ...found.map((each) => el("div", { class: "finding" },
      el("strong", {}, each.cause), el("p", {}, `Saw: ${each.saw}${stepsOf(each)}.`),
      el("p", {}, `What to do: ${each.advice}`))),
    el("h3", {}, "What happened, in order"),
    ...story.notes.map((note) => el("p", { class: "faint" }, note)),
    sequence(story),
    el("p", { class: "actions" }, "For a ticket: ",
      el("a", { href: `/page/story.html?${query}`, download: true, "data-key": "html" }, "HTML"),
      el("a", { href: `/page/story.svg?${query}`, download: true, "data-key": "svg" }, "SVG"),
      el("span", { class: "faint" }, story.masked ? "Numbers and call data are masked." : "Numbers are shown as they are."),
      state.session?.numbers ? numbersSwitch(id) : null),
    leftOut(story.leftOut),
  ];
  return parts.filter(Boolean);
}
const stepsOf = (finding) => (finding.steps.length ? ` (${finding.steps.length > 1 ? "steps" : "step"} ${finding.steps.join(", ")})` : "");

function numbersSwitch(id) {
  const box = el("input", { type: "checkbox", "data-key": "numbers", onchange: () => { state.numbers = box.checked; read(id, true); } });
  box.checked = Boolean(state.numbers);
  return el("label", {}, box, " show numbers");
}
function leftOut(told) {
  if (!told || !(told.steps || told.requests)) return null;
  return el("p", { class: "faint" }, `Left out: ${many(told.steps, "step")}, ${many(told.requests, "older request")}.`);
}
function sequence(story) {
  const lanes = story.lanes ?? ["caller", "listener", "Finesse REST", "notification", "other agents"];
  return el("div", { class: "sequence" },
    el("div", { class: "lanes", "aria-hidden": "true" },
      el("div", { class: "names" }, lanes.map((lane) => el("span", {}, lane === "notification" ? "notifi\u00adcation" : lane))),
      el("div", { class: "what" }, `seconds from ${moment(parsed(story.begin), true)}`)),
    el("ol", { class: "steps", "aria-label": "Steps, oldest first" }, story.steps.map((each) => stepRow(each, lanes))));
}
function stepRow(each, lanes) {
  const sign = each.bad ? "✗ " : each.good || each.proof ? "✓ " : "";
  const mood = each.bad ? " bad" : each.good ? " good" : each.proof ? " proved" : "";
  const late = each.kind === "late" ? " late-step" : "";
  return el("li", { class: `step${mood}${late}` },
    el("div", { class: "drawn" }, arrow(lanes.indexOf(each.from), lanes.indexOf(each.to), lanes.length)),
    el("div", { class: "said" },
      el("span", { class: "when" }, `${each.number}. ${each.after < 0 ? "−" : "+"}${Math.abs(each.after).toFixed(3)}`),
      el("span", { class: "title" }, `${sign}${each.title}`),
      el("span", { class: "unseen" }, ` (${each.from} to ${each.to})`),
      each.lines.map((line) => el("p", {}, line)),
      each.proof ? el("p", { class: "proof" }, `✓ ${each.proof}`) : null));
}
function arrow(from, to, count) {
  const x = (lane) => `${((lane + 0.5) / count) * 100}%`;
  const lives = Array.from({ length: count }, (_, lane) =>
    draw("line", { class: "life", x1: x(lane), x2: x(lane), y1: 0, y2: "100%" }));
  const y = 15;
  if (from === to || from < 0 || to < 0) {
    const mark = draw("svg", { x: x(Math.max(0, to)), y, overflow: "visible" }, draw("path", { class: "head", d: "M-6 0 0-6 6 0 0 6z" }));
    return draw("svg", { "aria-hidden": "true" }, lives, mark);
  }
  const back = to > from ? -9 : 9;
  return draw("svg", { "aria-hidden": "true" }, lives,
    draw("line", { class: "arrow", x1: x(from), x2: x(to), y1: y, y2: y }),
    draw("svg", { x: x(to), y, overflow: "visible" }, draw("path", { class: "head", d: `M0 0 ${back}-5V5z` })));
}

// ---------------------------------------------------------------- its XML

function aboutXml(raw, wrong) {
  const parts = [el("h3", {}, "Raw XML")];
  if (!raw) return [...parts, el("p", {}, `It cannot be read: ${wrong}`)];
  parts.push(el("p", { class: "faint" },
    `${raw.masked ? "Numbers and call data are masked. " : ""}XML is kept in memory since ${moment(parsed(raw.since))}; it is indented here.`));
  parts.push(...raw.notes.map((note) => el("p", { class: "faint" }, note)));
  if (raw.sent) parts.push(xmlPart(`Sent ${moment(parsed(raw.sent.at), true)}: ${raw.sent.method} ${raw.sent.path}`, raw.sent.body, true, "sent"));
  if (raw.answer) parts.push(el("p", {}, `Answered ${moment(parsed(raw.answer.at), true)}: ${raw.answer.status === null ? "no answer" : `HTTP ${raw.answer.status}`}`));
  parts.push(...raw.heard.map((each, index) => xmlPart(
    `Heard ${moment(parsed(each.at), true)} at ${each.node ?? "an unnamed node"}${each.about ? " (carries this requestId)" : ""}`, each.payload, each.about,
    `heard ${each.itemId ?? index} ${each.agent} ${each.at}`)));
  if (raw.leftOut) parts.push(el("p", { class: "faint" }, `${many(raw.leftOut, "notification")} left out.`));
  if (!raw.sent && !raw.heard.length) parts.push(el("p", {}, "Nothing is kept of it."));
  return parts;
}
function xmlPart(title, text, unfolded, key) {
  return el("details", { open: unfolded, "data-key": key },
    el("summary", { "data-key": `title of ${key}` }, title),
    text ? el("pre", { class: "xml", tabindex: 0, "data-key": `text of ${key}` }, indented(text)) : el("p", { class: "faint" }, "no body, or it is not kept"));
}
/** Put each element of one-line XML on a line of its own; other text stays as it is. */
function indented(text) {
  if (text.length > 100_000 || /\n\s*</.test(text.trim())) return text;
  let depth = 0;
  return text.split(/(?<=>)(?=<)/).map((part) => {
    if (/^<\//.test(part)) depth -= 1;
    const line = `${"  ".repeat(Math.max(0, depth))}${part}`;
    if (/^<[^/!?]/.test(part) && !/\/>$/.test(part) && !/<\//.test(part)) depth += 1;
    return line;
  }).join("\n");
}

// ---------------------------------------------------------------- frames

let waiting = [];
let scheduled = false;
let dirty = true;
let hidden = null;

/** Show what has changed at the next frame; a page that nobody sees does so twice a second. */
function frame() {
  if (scheduled) return;
  scheduled = true;
  if (document.hidden) hidden = setTimeout(step, 500);
  else requestAnimationFrame(step);
}
function changed(force = false) {
  dirty = true;
  if (force && state.paused) {
    choose();
    chooseCrew();
    if (state.tab === "figures") figures();
  }
  frame();
}
function step() {
  scheduled = false;
  clearTimeout(hidden);
  take();
  if (dirty && !state.paused && state.signedIn) {
    dirty = false;
    choose();
    if (state.tab === "sessions") chooseCrew();
    if (state.tab === "figures") soon(figures);
  }
  if (state.tab === "requests") table.render();
  if (state.tab === "sessions") crew.render();
}
let figuring = 0;
function soon(show) {
  if (performance.now() - figuring > 1000) {
    figuring = performance.now();
    show();
  }
}

// ---------------------------------------------------------------- what comes by the stream

function take() {
  if (!waiting.length) return;
  const events = waiting;
  waiting = [];
  const rows = new Map();
  for (const { name, data } of events) {
    if (name === "request") rows.set(data.id, data);
    else if (name === "session") agentOf(data).heard = heardAgents += 1;
    else if (name === "gap") {
      const agent = agents.get(data.agent);
      if (agent) { addGap(agent, data); agent.version += 1; }
    }
  }
  for (const told of rows.values()) announceOf(told);
  const fresh = [...rows.values()].map(rowOf);
  keep(fresh, true);
  if (!state.paused) foundAnew(fresh);
  else for (const row of fresh) if (state.searched?.rows.has(row.id)) state.frozen.later.set(row.id, row);
  if (state.opened !== null && rows.has(state.opened)) reread(state.opened);
  dirty = true;
}
/** What a search found stands beside the table; it follows the stream, too. */
function foundAnew(rows) {
  for (const row of rows) {
    const old = state.searched?.rows.get(row.id);
    if (old) state.searched.rows.set(row.id, { ...row, version: old.version + row.version + 1 });
  }
}
let rereading = null;
function reread(id) {
  rereading ??= setTimeout(() => {
    rereading = null;
    if (state.opened !== id) return;
    if (state.paused) state.stale = true;
    else read(id);
  }, 1000);
}

let stream = null;
let retry = null;
let tries = 0;

function connect(after) {
  stream?.close();
  clearTimeout(retry);
  unwatched();
  const query = new URLSearchParams([["kind", "request"], ["kind", "session"], ["kind", "gap"], ...(after ? [["after", after]] : [])]);
  const source = new EventSource(`/page/events?${query}`);
  stream = source;
  source.addEventListener("open", () => { tries = 0; if (source === stream) up(Boolean(after)); });
  source.addEventListener("error", () => { if (source === stream) down(source); });
  for (const name of ["request", "session", "gap"]) {
    source.addEventListener(name, (event) => arrived(name, event));
  }
  source.addEventListener("lagged", (event) => {
    notice(`This page fell behind by ${many(JSON.parse(event.data).behind, "event")} and catches up; nothing is lost.`, 20_000);
  });
  source.addEventListener("reset", () => {
    notice(`Events were lost while the connection was away; the table was read anew at ${clock(now())}.`);
    load();
  });
}
/** A tab that nobody sees lets its stream go after a while, and goes on where it was when it is seen. */
let unseen = null;
function unwatched() {
  clearTimeout(unseen);
  if (document.hidden && state.signedIn && !state.resting) unseen = setTimeout(rest, REST_AFTER);
}
function seen() {
  unwatched();
  if (document.hidden || !state.resting) return;
  state.resting = false;
  if (!state.streamed) state.loaded = false; // nothing says from where to go on
  link("wait", "connecting");
  connect(state.streamed);
  info();
}
function rest() {
  if (!document.hidden || !state.signedIn) return;
  state.resting = true;
  stream?.close();
  stream = null;
  clearTimeout(retry);
  link("wait", "not live while out of sight");
}
function arrived(name, event) {
  if (event.lastEventId) state.streamed = event.lastEventId;
  waiting.push({ name, data: JSON.parse(event.data) });
  if (waiting.length >= QUEUE) take();
  frame();
}
/** The stream is open; `resumed`: behind an event that was seen, so that nothing is missing. */
function up(resumed) {
  if (!state.loaded || (state.lostSince !== null && !resumed && !state.streamed)) {
    state.loaded = true;
    load();
  }
  if (state.lostSince !== null) {
    notice(`The connection was lost from ${clock(state.lostSince)} to ${clock(now())}; it is back.`, 20_000);
    state.lostSince = null;
    info();
    loadAgents();
  }
  state.refused = false;
  link("up", "live");
}
function down(source) {
  if (!state.signedIn) return;
  state.lostSince ??= now();
  state.refused = source.readyState === EventSource.CLOSED;
  lost();
  if (!state.refused) return; // the browser tries again by itself
  if (!state.loaded) { // the table can be read all the same
    state.loaded = true;
    load();
  }
  const wait = RETRY[Math.min(tries, RETRY.length - 1)];
  tries += 1;
  clearTimeout(retry);
  retry = setTimeout(async () => {
    if (!state.signedIn) return;
    try {
      await ask("/page/session");
    } catch (refused) {
      if (refused.status === 401 || refused.status === 0) return; // signed out, and said so
    }
    if (state.signedIn && !state.resting) connect(state.streamed);
  }, wait);
}
function lost() {
  const read = known(state.readAt) ? `, the table was read at ${clock(state.readAt)}` : "";
  link("down", state.refused ? `not live since ${clock(state.lostSince)}: the daemon refuses the events${read}; trying`
    : `connection lost since ${clock(state.lostSince)}, trying`);
}
function link(mood, words) {
  const box = at("link");
  if (box.dataset.state === mood && box.lastElementChild.textContent === words) return;
  const moodBefore = box.dataset.state;
  mark(box, "data-state", mood);
  box.firstElementChild.replaceChildren(shape(mood));
  say(box.lastElementChild, words);
  if (mood === "down" && moodBefore !== "down") speak(words);
}
let noticed = null;
function notice(words, ms = 0) {
  clearTimeout(noticed);
  at("notice").hidden = !words;
  say(at("notice"), words);
  if (ms) noticed = setTimeout(() => notice(""), ms);
}

// ---------------------------------------------------------------- for those who listen

const unsaid = new Map();
let speaking = null;
function announceOf(told) {
  if (state.paused || !told.kind || store.rows.get(told.id)?.kind === told.kind) return;
  unsaid.set(told.kind, (unsaid.get(told.kind) ?? 0) + 1);
  speaking ??= setTimeout(() => {
    speaking = null;
    const parts = KINDS.filter((kind) => unsaid.has(kind)).map((kind) => `${unsaid.get(kind)} ${kind}`);
    unsaid.clear();
    speak(parts.join(", "));
  }, SPEAK_EVERY);
}
/** Say it, also when it is what was said last: a text that stays the same is not read out. */
function speak(words) {
  const same = words && at("announcer").textContent === words;
  say(at("announcer"), same ? `${words}\u00a0` : words);
}

// ---------------------------------------------------------------- loading

let loads = 0;
async function load() {
  const mine = (loads += 1);
  store.generation += 1;
  state.loading = true;
  const seen = new Set();
  let before = null;
  store.more = false;
  try {
    do {
      const answer = await ask("/page/requests", { limit: PAGE, before });
      if (mine !== loads) return;
      state.notes = (answer.notes ?? []).map((note) => clip(String(note)));
      answer.requests.forEach((each) => seen.add(each.id));
      keep(answer.requests.map(rowOf), false);
      before = answer.next;
      changed();
    } while (before && seen.size < MOST);
    store.more = Boolean(before);
    state.readAt = now();
    only(seen);
  } catch (refused) {
    if (mine === loads && refused.status !== 401 && refused.status !== 0) {
      notice(`The requests could not be read (${refused.message}); trying again.`);
      setTimeout(() => { if (mine === loads && state.signedIn) load().then(() => notice("")); }, 3000);
    }
    return;
  } finally {
    if (mine === loads) state.loading = false;
    changed();
  }
  await loadAgents();
}
/** Read the newest requests while no events come. */
async function peek() {
  store.generation += 1; // what the stream said before is not newer than this
  try {
    const answer = await ask("/page/requests", { limit: PAGE });
    keep(answer.requests.map(rowOf), false);
    state.readAt = now();
    changed();
  } catch { /* the link says so, and it is tried again */ }
}
async function loadAgents() {
  const before = heardAgents;
  try {
    const told = await ask("/page/agents");
    const there = new Set(told.agents.map((each) => each.id));
    const stands = (id) => (agents.get(id)?.heard ?? 0) > before; // what came meanwhile is newer
    told.agents.filter((each) => !stands(each.id)).forEach(agentOf);
    for (const id of agents.keys()) if (!there.has(id) && !stands(id)) agents.delete(id);
    changed();
    if (state.tab === "sessions") await timeline();
  } catch { /* the link says so, and it is tried again */ }
}
async function timeline() {
  try {
    const told = await ask("/page/timeline", { minutes: minutes() });
    const known = parsed(told.known);
    state.timelineKnown = known && known > parsed(told.since) ? known : null;
    state.timelineLeftOut = told.leftOut ?? 0;
    told.agents.forEach(lineOf);
    crew.refill();
    changed();
  } catch { /* as above */ }
}
async function info() {
  let told;
  try {
    told = await ask("/page/info");
  } catch {
    return;
  }
  ahead = parsed(told.now) - Date.now();
  if (Math.abs(ahead) < 2000) ahead = 0;
  if (!state.info && now() - parsed(told.started) < 900_000) at("span").value = "15";
  state.info = told;
  const parts = [`version ${told.version}`, told.deployment, told.nodes.join(", "),
    `${told.agents.up.toLocaleString("en")} of ${many(told.agents.held, "agent")} up`, `${told.pending.toLocaleString("en")} open`,
    told.draining ? "takes no new requests" : null, told.journal?.trouble ? `journal: ${told.journal.trouble}` : null,
    told.ready ? null : `not ready: ${told.reasons.join("; ")}`];
  say(at("facts"), parts.filter(Boolean).join(" · "));
  say(at("zone"), zone());
}

// ---------------------------------------------------------------- search, tabs, keys

function select(name) {
  if (state.tab === name) return;
  state.tab = name;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const mine = tab.id === `tab-${name}`;
    mark(tab, "aria-selected", mine);
    mark(tab, "tabindex", mine ? 0 : -1);
    at(tab.getAttribute("aria-controls")).hidden = !mine;
  }
  if (name === "sessions") loadAgents();
  if (name === "errors") errors();
  figuring = 0;
  changed(true);
}
function searchFor(words) {
  at("search").value = words;
  typed();
  select("requests");
  table.refocus = true;
  frame();
}
function typed() {
  state.query = at("search").value;
  if (!searched()) state.searched = null;
  at("requests").querySelector(".scroll").scrollTop = 0;
  if (state.tab === "errors") errors();
  figuring = 0;
  changed(true);
}
/** What the daemon can be asked of a search: fields by their names, free words as a part of an id or action. */
function askable(words) {
  const names = { agent: "agent", dialog: "dialogId", request: "requestId" };
  const query = {};
  const free = [];
  let action = null;
  for (const term of words.split(/\s+/).filter(Boolean)) {
    const [, field, value] = /^(agent|dialog|request|action|error):(.+)$/i.exec(term) ?? [];
    if (field === undefined) free.push(term);
    else if (field.toLowerCase() === "action") action = value;
    else if (names[field.toLowerCase()]) query[names[field.toLowerCase()]] = value;
  }
  if (UUID.test(query.requestId ?? "")) { // our id, which the daemon finds as a word
    free.push(query.requestId);
    delete query.requestId;
  }
  if (action !== null && !free.length) free.push(action); // the table takes those that are it exactly
  if (free.length) query.q = free.join(" ");
  return query;
}
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

let searches = 0;
/** Ask the daemon for requests that are older than the table. */
async function searchOlder() {
  const words = state.query.trim();
  const query = askable(words);
  if (!words) return;
  if (!Object.keys(query).length) {
    notice("The daemon finds older requests by ids and actions: agent:, dialog:, request:, action:, or a part of an id or action.", 10_000);
    return;
  }
  searches += 1;
  const rows = new Map();
  const notes = new Set();
  let before = null;
  try {
    for (let round = 0; round < ROUNDS && rows.size < PAGE && (round === 0 || before); round += 1) {
      const answer = await ask("/page/requests", { limit: PAGE, before, ...query });
      answer.requests.map(rowOf).forEach((row) => rows.set(row.id, { ...row, version: searches * 1_000_000 }));
      (answer.notes ?? []).forEach((note) => notes.add(clip(String(note))));
      before = answer.next;
    }
  } catch (refused) {
    if (refused.status) notice(`The daemon could not be asked: ${refused.message}`, 10_000);
    return;
  }
  if (state.query.trim() !== words) return; // something else is looked for by now
  state.searched = { words, rows, notes: [...notes], said: foundBy(query, rows.size, before) };
  changed(true);
  step();
  speak(`${many(state.view.length, "request")} found`);
}
function foundBy(query, count, more) {
  const asked = Object.entries(query).map(([name, value]) => `${name === "q" ? "a part of an id or action" : name} ${value}`).join(", ");
  if (!more) return `The daemon was asked for ${asked}: ${many(count, "request")}.`;
  if (count < PAGE) return `The daemon was asked for ${asked}: ${many(count, "request")} so far; it did not look through all. Narrow the search.`;
  return `The daemon was asked for ${asked}: more than ${count.toLocaleString("en")} requests. Narrow the search.`;
}
function pause() {
  if (!state.paused) step(); // what has come by now is shown
  state.paused = !state.paused;
  if (state.paused) {
    const copies = [...agents].map(([id, agent]) => [id, { ...agent, spans: agent.spans.map((span) => ({ ...span })), gaps: [...agent.gaps] }]);
    state.frozen = { rows: new Map(store.rows), order: store.order, more: store.more, agents: new Map(copies), at: now(), later: new Map() };
    choose();
  } else {
    foundAnew([...state.frozen.later.values()]);
    state.frozen = null;
    crew.refill();
    if (state.stale && state.opened !== null) reread(state.opened);
  }
  mark(at("pause"), "aria-pressed", state.paused);
  say(at("pause"), state.paused ? `Paused at ${clock(now())}` : "Pause");
  speak(state.paused ? "the tables stand still" : "the tables go on");
  changed();
}
const lettersOn = () => at("keys-on").checked;

function escape() {
  if (!at("details").hidden && state.tab === "requests") close();
  else if (state.query || state.kinds.size) {
    state.kinds.clear();
    for (const button of at("kinds").children) mark(button, "aria-pressed", false);
    at("search").value = "";
    typed();
  } else if (document.activeElement === at("search")) focusRows();
}
function focusRows() {
  const rows = state.tab === "sessions" ? crew : table;
  if (state.tab === "sessions" || state.tab === "requests") {
    document.activeElement?.blur();
    rows.refocus = true; // also when there is no row yet
    step();
  } else at(`view-${state.tab}`).focus();
}
function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || at("keys").open || at("main").hidden) return;
  if (event.key === "Escape") {
    escape();
    event.preventDefault();
    return;
  }
  const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea");
  if (typing || !lettersOn()) return;
  const tabs = { 1: "requests", 2: "sessions", 3: "figures", 4: "errors" };
  if (event.key === "?") at("keys").showModal();
  else if (event.key === "/") { at("search").focus(); at("search").select(); }
  else if (event.key === "p") pause();
  else if (tabs[event.key]) { select(tabs[event.key]); focusRows(); }
  else if ((event.key === "j" || event.key === "k" || event.key === "ArrowDown" || event.key === "ArrowUp") && event.target === document.body) focusRows();
  else return;
  event.preventDefault();
}
function tabKeys(event) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const index = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
  const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  const tab = tabs[(to + tabs.length) % tabs.length];
  select(tab.id.replace("tab-", ""));
  tab.focus();
  event.preventDefault();
}
function listen() {
  document.addEventListener("keydown", pressed);
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.addEventListener("click", () => select(tab.id.replace("tab-", "")));
    tab.addEventListener("keydown", tabKeys);
  }
  at("search").addEventListener("input", typed);
  at("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") searchOlder();
    else if (event.key === "ArrowDown") focusRows();
    else return;
    event.preventDefault();
  });
  at("pause").addEventListener("click", pause);
  at("details-close").addEventListener("click", close);
  at("keys-button").addEventListener("click", () => at("keys").showModal());
  at("keys-close").addEventListener("click", () => at("keys").close());
  at("span").addEventListener("change", () => { crew.refill(); timeline(); changed(true); });
  narrow.addEventListener("change", cover);
  document.addEventListener("visibilitychange", () => { scheduled = false; frame(); seen(); });
  document.addEventListener("selectionchange", selectionChanged);
  const keys = at("keys-on");
  keys.checked = remembered("keys") !== "off";
  keys.addEventListener("change", () => remember("keys", keys.checked ? "on" : "off"));
  window.addEventListener("hashchange", () => { if (codeOf()) start(); });
}
function remembered(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}
function remember(name, value) {
  try { localStorage.setItem(name, value); } catch { /* it holds for this page then */ }
}

// ---------------------------------------------------------------- signing in

const codeOf = () => /^#code=([A-Za-z0-9_-]+)$/.exec(location.hash)?.[1] ?? null;

/** Take the code out of the address at once: it is good for one use, and nobody should copy it. */
function taken() {
  const code = codeOf();
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return code;
}
/** Forget all that was shown: the next who signs in may see less. */
function forget() {
  visit += 1;
  loads += 1;
  stream?.close();
  stream = null;
  asking?.abort();
  for (const timer of [retry, unseen, rereading, speaking]) clearTimeout(timer);
  rereading = speaking = opener = summed = null;
  waiting = [];
  unsaid.clear();
  Object.assign(store, { rows: new Map(), order: [], more: false });
  agents.clear();
  state.kinds.clear();
  Object.assign(state, NOTHING_YET, { notes: [], view: [], crew: [] });
  at("main").hidden = true;
  at("details").hidden = true;
  for (const name of ["details-title", "details-body", "figures", "figures-words", "errors", "errors-words", "sessions-words", "told", "found", "facts", "axis"]) {
    at(name).replaceChildren();
  }
  for (const rows of [table, crew]) rows.clear();
  for (const box of document.querySelectorAll(".list .empty")) box.replaceChildren();
  for (const button of at("kinds").children) {
    mark(button, "aria-pressed", false);
    say(button.lastElementChild, "0");
  }
  at("search").value = "";
  mark(at("pause"), "aria-pressed", false);
  say(at("pause"), "Pause");
  at("told").hidden = true;
  cover();
  notice("");
  speak("");
}
function door(title, words) {
  forget();
  at("door").hidden = false;
  say(at("door-title"), title);
  say(at("door-words"), words);
  link("wait", "not signed in");
  speak(title);
}
function signedOut() {
  if (state.signedIn) door("Your sign-in has ended", "It was good for 12 hours, or the daemon does not know it any more.");
}
/** Sign in with the code; where it is refused, the sign-in that this browser has is good, too. */
async function enter(code) {
  if (!code) return { session: await ask("/page/session"), refused: null };
  const how = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code }) };
  try {
    return { session: await ask("/page/session", {}, how), refused: null };
  } catch (refused) {
    if (!refused.status) throw refused;
    const session = await ask("/page/session").catch(() => null);
    if (session === null) throw refused;
    return { session, refused };
  }
}
async function start() {
  const code = taken();
  forget();
  const mine = visit;
  let entered;
  try {
    entered = await enter(code);
  } catch (refused) {
    if (mine === visit) refusedAt(refused, code);
    return;
  }
  if (mine !== visit) return;
  state.session = entered.session;
  state.signedIn = true;
  at("door").hidden = true;
  at("main").hidden = false;
  link("wait", "connecting");
  if (entered.refused) notice(`This link was not taken (${entered.refused.message}); you are still signed in from before.`, 20_000);
  if (document.hidden) { // it begins when somebody looks
    rest();
    load();
  } else connect("");
  info();
  if (state.tab === "errors") errors();
}
function refusedAt(refused, code) {
  if (!(refused instanceof Refused)) {
    door("The daemon cannot be reached", "It does not answer; is it running?");
  } else if (code) {
    door("This link is not good any more", refused.message);
  } else if (refused.status === 401) {
    door("You are not signed in", "This page shows calls and agents, so it asks who looks.");
  } else {
    door("The daemon refused", refused.message);
  }
}
function everySecond() {
  if (!state.signedIn) return;
  if (state.lostSince !== null && !state.resting) lost();
  if (document.hidden) return;
  if (!state.paused) {
    for (const [id, row] of table.made) {
      const there = rowAt(id);
      if (there) say(row.element.children[1], ago(there.submitted));
    }
  }
  if (state.tab === "figures" && !state.paused) soon(figures);
}
function nowAndThen() {
  if (!state.signedIn || document.hidden || (state.lostSince !== null && !state.refused)) return;
  info();
  if (state.refused && !state.loading) peek();
  if (state.tab === "sessions" && !state.paused) loadAgents();
  if (state.tab === "errors" && !state.paused) errors();
}

kindButtons();
listen();
say(at("zone"), zone());
link("wait", "connecting");
setInterval(everySecond, 1000);
setInterval(nowAndThen, REFRESH);
start();
