import { Observable } from '../observable';
import type { Entry, GapEntry, MessageEntry } from './entry';

/**
 * One room's entries in the server's order, each once, with our own unconfirmed messages at the end.
 *
 * Live lines and pages of history arrive in any order and may overlap: an entry is known by its `msgid`, and a
 * page is merged between the entries it is known to touch.
 */
export class Timeline extends Observable {
  #entries: Entry[] = [];
  #pending: MessageEntry[] = [];
  readonly #msgids = new Set<string>();
  readonly #tokens = new Set<string>();
  /** Whether the oldest entry is the first there ever was. */
  #complete = false;
  #revision = 0;
  #dirtyFrom = 0;

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

  /** The newest message that the server has a name for: history is asked for from here on. */
  newest(): MessageEntry | undefined {
    return this.#entries.findLast((entry) => entry.kind === 'message' && entry.msgid !== undefined) as
      MessageEntry | undefined;
  }

  /** The oldest one: history is asked for up to here. */
  oldest(): MessageEntry | undefined {
    return this.#entries.find((entry) => entry.kind === 'message' && entry.msgid !== undefined) as
      MessageEntry | undefined;
  }

  find(id: string): Entry | undefined {
    return this.#pending.find((entry) => entry.id === id) ?? this.#entries.find((entry) => entry.id === id);
  }

  /** Adds a live entry. `false` when it was already known. */
  add(entry: Entry): boolean {
    if (entry.msgid !== undefined && this.#msgids.has(entry.msgid)) {
      if (entry.kind === 'message' && entry.own && entry.token !== undefined) this.removePending(entry.token);
      return false;
    }
    this.#insert(this.#claim(entry), this.#upperBound(entry.time));
    this.#touch();
    return true;
  }

  /**
   * Merges a page of history, oldest first. Entries between two known ones stay between them, whatever
   * their times say. The result is how many were new.
   */
  merge(page: readonly Entry[]): number {
    let added = 0;
    let low = 0;
    page.forEach((entry, index) => {
      if (entry.msgid !== undefined && this.#msgids.has(entry.msgid)) {
        low = this.#indexOf(entry.msgid) + 1;
        return;
      }
      const next = page
        .slice(index + 1)
        .find((later) => later.msgid !== undefined && this.#msgids.has(later.msgid));
      const high = next?.msgid === undefined ? this.#entries.length : this.#indexOf(next.msgid);
      const at = Math.max(low, Math.min(high, this.#upperBound(entry.time)));
      this.#insert(this.#claim(entry), at);
      low = at + 1;
      added += 1;
    });
    if (added > 0) this.#touch();
    return added;
  }

  markComplete(): void {
    if (this.#complete) return;
    this.#complete = true;
    this.#dirtyFrom = 0;
    this.#touch();
  }

  /** Says that messages are missing between the entry named `after` and the one that follows it. */
  addGap(after: string, id: string): void {
    const index = this.#indexOf(after);
    const previous = this.#entries[index];
    if (!previous || this.#entries[index + 1]?.kind === 'gap') return;
    const gap: GapEntry = { kind: 'gap', id, time: previous.time, after };
    this.#insert(gap, index + 1);
    this.#touch();
  }

  /** Takes a gap away; with `after`, it is moved behind that entry instead. */
  closeGap(id: string, after?: string): void {
    const index = this.#entries.findIndex((entry) => entry.id === id);
    if (index < 0) return;
    this.#entries.splice(index, 1);
    this.#dirtyFrom = Math.min(this.#dirtyFrom, Math.max(0, index - 1));
    if (after !== undefined) this.addGap(after, id);
    this.#touch();
  }

  /** The first named entry behind a gap. */
  afterGap(id: string): Entry | undefined {
    const index = this.#entries.findIndex((entry) => entry.id === id);
    return index < 0 ? undefined : this.#entries.slice(index + 1).find((entry) => entry.msgid !== undefined);
  }

  /** Puts an own message at the end until the server confirms it. */
  addPending(entry: MessageEntry): void {
    if (entry.token !== undefined && this.#tokens.has(entry.token)) return;
    this.#pending.push(entry);
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

  /** Where an entry of this time goes: behind all that are not younger. */
  #upperBound(time: number): number {
    let index = this.#entries.length;
    while (index > 0 && (this.#entries[index - 1]?.time ?? 0) > time) index -= 1;
    return index;
  }

  #touch(): void {
    this.#revision += 1;
    this.changed();
  }
}
