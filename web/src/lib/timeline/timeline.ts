import { Observable } from '../observable';
import type { Entry, MessageEntry } from './entry';

/** The most entries that are kept; beyond it the oldest go, and can be fetched again. */
export const ENTRIES_MAX = 10_000;
/** How many entries go at once when there are too many. */
export const TRIM = 1000;

/** What is known of a page of history besides its messages. A page is a part of the server's order without holes. */
export interface Reach {
  /** It begins right behind this message. */
  readonly after?: string | undefined;
  /** It ends right before this message. */
  readonly before?: string | undefined;
  /** It holds the newest the server had: what stands behind it came live since. */
  readonly newest?: boolean;
}

/** A message that the server has a name for: the fixed points of the order. All else goes by time between them. */
type Named = MessageEntry & { readonly msgid: string };

function named(entry: Entry | undefined): entry is Named {
  return entry?.kind === 'message' && entry.msgid !== undefined;
}

/**
 * One room's entries in the server's order, each once, with our own unconfirmed messages at the end.
 *
 * Live lines and pages of history arrive in any order and may overlap. A message is known by its `msgid`. The order
 * within a page is the server's, and so is the order in which live lines come, but for those that are late; only
 * between them does time decide. Two messages that stand side by side follow on each other on the server too, or
 * there is a gap between them.
 */
export class Timeline extends Observable {
  #entries: Entry[] = [];
  #pending: MessageEntry[] = [];
  readonly #msgids = new Set<string>();
  readonly #tokens = new Set<string>();
  /** The connection was lost since the newest message: what comes next need not follow on it. */
  #cut = false;
  /** The last message before what was missed and is not all fetched yet; it outlives connections. */
  #from: string | undefined;
  /** The message that came last on this connection: the next one follows on it. */
  #heard: string | undefined;
  /** The newest message at the last cut: what is fetched since is younger. */
  #last: string | undefined;
  #gaps = 0;
  /** Whether the oldest entry is the first there ever was. */
  #complete = false;
  #revision = 0;
  #dirtyFrom = 0;

  /** `order` compares the names of two messages of one time, on a server whose names tell which is older. */
  constructor(private readonly order: (msgid: string, other: string) => number = () => 0) {
    super();
  }

  /** Confirmed entries, oldest first. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Own messages that the server has not confirmed, in the order they were written. */
  get pending(): readonly MessageEntry[] {
    return this.#pending;
  }

  get complete(): boolean {
    return this.#complete;
  }

  /** Grows with every change. */
  get revision(): number {
    return this.#revision;
  }

  /** The index of the first entry that may have changed since the last call. */
  takeDirty(): number {
    const from = this.#dirtyFrom;
    this.#dirtyFrom = Number.POSITIVE_INFINITY;
    return from;
  }

  knows(msgid: string): boolean {
    return this.#msgids.has(msgid);
  }

  /** Whether the server has confirmed the own message with this token. */
  knowsToken(token: string): boolean {
    return this.#tokens.has(token);
  }

  /** The newest message that the server has a name for. */
  newest(): MessageEntry | undefined {
    return this.#entries.findLast(named);
  }

  /** The oldest one: history is asked for up to here. */
  oldest(): MessageEntry | undefined {
    return this.#entries.find(named);
  }

  /** The message to go on from after a connection was lost. What was heard live meanwhile is not it. */
  get from(): MessageEntry | undefined {
    const from = this.#from === undefined ? -1 : this.#indexOf(this.#from);
    const entry = this.#entries[from];
    return named(entry) ? entry : this.newest();
  }

  /** Lines are lost from now on, until what was missed has been fetched. */
  cut(): void {
    const newest = this.newest();
    this.#from ??= newest?.msgid;
    this.#last = newest?.msgid;
    this.#heard = undefined;
    this.#cut = true;
    // Where nothing was known, what comes next need not be the first there ever was.
    if (!newest) this.#complete = false;
  }

  /** What was missed cannot be fetched: a gap says so, unless nothing can have been `missing`. */
  giveUp(missing: boolean): void {
    this.#from = undefined;
    this.#cut = false;
    const newest = this.#entries.findLastIndex(named);
    if (missing && newest >= 0 && !this.#gapBehind(newest)) this.#gapAt(newest + 1);
    this.#touch();
  }

  find(id: string): Entry | undefined {
    return this.#pending.find((entry) => entry.id === id) ?? this.#entries.find((entry) => entry.id === id);
  }

  /**
   * Adds a live entry; `false` when it was already known. With `again`, it answers a message that was sent again: the
   * server may have had it, and then it is older than all that was fetched since.
   */
  add(entry: Entry, again = false): boolean {
    if (entry.msgid !== undefined && this.#msgids.has(entry.msgid)) {
      if (entry.kind === 'message' && entry.own && entry.token !== undefined) this.removePending(entry.token);
      if (!again && named(entry)) this.#hear(entry, false);
      return false;
    }
    if (again && named(entry)) this.#addAnswer(entry);
    else {
      if (this.#cut && named(entry)) this.#sew(entry);
      this.#insert(this.#claim(entry), this.#place(entry));
      if (named(entry)) this.#hear(entry, true);
    }
    this.#trim();
    this.#touch();
    return true;
  }

  /** The first message after a cut: a gap comes before it, until history says what was there. */
  #sew(entry: Named): void {
    const last = this.#entries.findLastIndex(named);
    const newest = this.#entries[last];
    if (named(newest) && this.#compare(newest, entry) > 0) return;
    this.#cut = false;
    if (newest) this.#gapAt(last + 1);
  }

  /**
   * Live lines come in order, and each: nothing is missing between one and the next. They may come later than a page
   * of history that is younger, and what is missing before that page is then still to come.
   */
  #hear(entry: Named, fresh: boolean): void {
    const at = this.#indexOf(entry.msgid);
    const before = this.#heard === undefined ? -1 : this.#indexOf(this.#heard);
    this.#heard = entry.msgid;
    const next = this.#entries[this.#next(at) ?? -1];
    const late = fresh && named(next) && this.order(entry.msgid, next.msgid) !== 0;
    if (late && !this.#gapBehind(at)) this.#gapAt(at + 1);
    if (before >= 0 && before < at) this.#close(before, at);
  }

  /**
   * Where everything up to now is known, what is younger than all of it is new. Anything else came by itself: its
   * neighbours need not be those it has on the server, and what comes next need not follow on it.
   */
  #addAnswer(entry: Named): void {
    const last = this.#entries.findLastIndex(named);
    const newest = this.#entries[last];
    const young = named(newest) ? this.#compare(entry, newest) > 0 : this.#complete;
    const whole = !this.#cut && !(newest && this.#gapBehind(last));
    this.#insert(this.#claim(entry), this.#place(entry));
    if (young && whole) return;
    const at = this.#indexOf(entry.msgid);
    if (this.#next(at) === undefined) this.#cut = true;
    else if (!this.#gapBehind(at)) this.#gapAt(at + 1);
    const previous = this.#previous(at);
    if (previous !== undefined && !this.#gapBehind(previous)) this.#gapAt(previous + 1);
  }

  /** Which of two messages is the younger: positive when it is the first. */
  #compare(entry: Named, other: Named): number {
    return entry.time - other.time || this.order(entry.msgid, other.msgid);
  }

  /** Merges a page of history, oldest first. The result is what was new. */
  merge(page: readonly Entry[], reach: Reach = {}): Entry[] {
    const within = page.some(({ msgid }) => msgid !== undefined && msgid === reach.after);
    const run = [...(within ? [] : this.#named(reach.after)), ...page, ...this.#named(reach.before)];
    const known = new Set(run.filter(({ msgid }) => msgid !== undefined && this.#msgids.has(msgid)));
    let at = this.#start(run, known, reach);
    let left = at;
    for (const entry of run) {
      const begins = at === left;
      if (known.has(entry)) at = this.#indexOf(entry.msgid ?? '');
      else {
        while (this.#loose(at) && (this.#entries[at]?.time ?? 0) <= entry.time) at += 1;
        this.#insert(this.#claim(entry), at);
      }
      if (begins) left = at;
      at += 1;
    }
    const [first] = run;
    const last = run[run.length - 1];
    if (first && last) this.#fit(left, at - 1, !known.has(first), !known.has(last), reach.newest === true);
    // A page with nothing to show in it leaves a hole where it does not reach back.
    if (reach.newest && !first) this.giveUp(true);
    if (reach.newest) this.#arrived();
    this.#touch();
    return run.filter((entry) => !known.has(entry));
  }

  /** The message of a name, where it is here. */
  #named(msgid: string | undefined): Entry[] {
    const entry = msgid === undefined ? undefined : this.#entries[this.#indexOf(msgid)];
    return entry ? [entry] : [];
  }

  /** Where a page begins. */
  #start(run: readonly Entry[], known: ReadonlySet<Entry>, reach: Reach): number {
    const anchor = run.find((entry) => known.has(entry))?.msgid;
    if (anchor !== undefined) return this.#behindPrevious(this.#indexOf(anchor));
    const [first] = run;
    if (!first) return this.#entries.length;
    // What came live since is younger, also where the time is the same.
    const last = reach.newest && this.#last !== undefined ? this.#indexOf(this.#last) : -1;
    return Math.max(last + 1, this.#place(first, reach.newest));
  }

  /** Leaves, makes and takes away the gaps that a page from `left` to `right` has to do with. */
  #fit(left: number, right: number, newLeft: boolean, newRight: boolean, newest: boolean): void {
    if (newest) this.#close(right);
    else if (newRight && this.#next(right) !== undefined && !this.#gapBehind(right)) this.#gapAt(right + 1);
    this.#close(left, right);
    const previous = newLeft ? this.#previous(left) : undefined;
    if (previous !== undefined && !this.#gapBehind(previous)) this.#gapAt(previous + 1);
  }

  /** What is newest on the server has been fetched. */
  #arrived(): void {
    this.#cut = false;
    this.#last = undefined;
    this.#from = undefined;
  }

  /** The message before a gap: what is missing is asked for from here on. */
  beforeGap(id: string): MessageEntry | undefined {
    const gap = this.#entries.findIndex((entry) => entry.kind === 'gap' && entry.id === id);
    const at = gap < 0 ? undefined : this.#previous(gap);
    const entry = at === undefined ? undefined : this.#entries[at];
    return named(entry) ? entry : undefined;
  }

  markComplete(): void {
    if (this.#complete) return;
    this.#complete = true;
    this.#dirtyFrom = 0;
    this.#touch();
  }

  /** The oldest entry turned out not to be the first there ever was. */
  markIncomplete(): void {
    if (!this.#complete) return;
    this.#complete = false;
    this.#dirtyFrom = 0;
    this.#touch();
  }

  /** Puts an own message at the end, in the order of the outbox, until the server confirms it. */
  addPending(entry: MessageEntry): void {
    if (entry.token !== undefined && this.#tokens.has(entry.token)) return;
    const { order = 0 } = entry;
    // What an earlier run has left may come after what is written in this one.
    const behind = this.#pending.findLastIndex((other) => (other.order ?? 0) <= order);
    this.#pending.splice(behind + 1, 0, entry);
    this.#touch();
  }

  updatePending(token: string, change: Partial<Pick<MessageEntry, 'state' | 'reason' | 'slow'>>): void {
    const index = this.#pending.findIndex((entry) => entry.token === token);
    const entry = this.#pending[index];
    if (!entry) return;
    this.#pending[index] = { ...entry, ...change };
    this.#touch();
  }

  removePending(token: string): void {
    const before = this.#pending.length;
    this.#pending = this.#pending.filter((entry) => entry.token !== token);
    if (this.#pending.length !== before) this.#touch();
  }

  /** Gives an own message the row of its pending copy, whichever way it came. */
  #claim(entry: Entry): Entry {
    if (entry.kind !== 'message' || !entry.own || entry.token === undefined) return entry;
    this.#tokens.add(entry.token);
    const pending = this.#pending.find((own) => own.token === entry.token);
    if (!pending) return entry;
    this.#pending = this.#pending.filter((own) => own !== pending);
    return { ...entry, id: pending.id };
  }

  #insert(entry: Entry, at: number): void {
    this.#entries.splice(at, 0, entry);
    if (entry.msgid !== undefined) this.#msgids.add(entry.msgid);
    this.#dirtyFrom = Math.min(this.#dirtyFrom, Math.max(0, at - 1));
  }

  #indexOf(msgid: string): number {
    return this.#entries.findLastIndex((entry) => entry.msgid === msgid);
  }

  /** Whether the entry at an index has its place by time alone. */
  #loose(at: number): boolean {
    const entry = this.#entries[at];
    return entry !== undefined && entry.kind !== 'gap' && !named(entry);
  }

  /** The first place behind the last message or gap before an index. */
  #behindPrevious(at: number): number {
    while (at > 0 && this.#loose(at - 1)) at -= 1;
    return at;
  }

  #previous(at: number): number | undefined {
    const found = at <= 0 ? -1 : this.#entries.findLastIndex((entry, index) => index < at && named(entry));
    return found < 0 ? undefined : found;
  }

  #next(at: number): number | undefined {
    const found = this.#entries.findIndex((entry, index) => index > at && named(entry));
    return found < 0 ? undefined : found;
  }

  /** Whether a gap stands between the message at an index and the next one. */
  #gapBehind(at: number): boolean {
    const next = this.#next(at) ?? this.#entries.length;
    return this.#entries.slice(at + 1, next).some((entry) => entry.kind === 'gap');
  }

  /** Puts a gap at an index; its id is the result. */
  #gapAt(at: number): string {
    const id = `gap-${(this.#gaps += 1)}`;
    this.#insert({ kind: 'gap', id, time: this.#entries[at - 1]?.time ?? 0 }, at);
    return id;
  }

  /** Takes away the gaps behind one index and before another. */
  #close(behind: number, before = this.#entries.length): void {
    for (let at = Math.min(before, this.#entries.length) - 1; at > behind; at -= 1)
      if (this.#entries[at]?.kind === 'gap') {
        this.#entries.splice(at, 1);
        this.#dirtyFrom = Math.min(this.#dirtyFrom, Math.max(0, at - 1));
      }
  }

  #trim(): void {
    if (this.#entries.length <= ENTRIES_MAX) return;
    let count = TRIM;
    // What is missing behind a message that has gone is fetched with what comes before the oldest.
    while (this.#entries[count] !== undefined && !named(this.#entries[count])) count += 1;
    for (const entry of this.#entries.splice(0, count)) {
      if (entry.msgid !== undefined) this.#msgids.delete(entry.msgid);
      if (entry.kind === 'message' && entry.token !== undefined) this.#tokens.delete(entry.token);
    }
    this.#complete = false;
    this.#dirtyFrom = 0;
  }

  /** Where an entry goes by itself: behind all that are not younger, or `before` those that may be as old. */
  #place(entry: Entry, before = false): number {
    let place = this.#entries.length;
    for (let at = place - 1; at >= 0; at -= 1) {
      const other = this.#entries[at];
      if (!other || other.time < entry.time) break;
      const both = named(entry) && named(other);
      const age = both ? this.#compare(other, entry) : other.time - entry.time;
      if (age > 0 || (before && both && age === 0)) place = at;
    }
    return place;
  }

  #touch(): void {
    this.#revision += 1;
    this.changed();
  }
}
