import type { Entry } from '../timeline';

/** What a room's unread mark shows. */
export interface Unread {
  /** Messages of others that were not read. */
  readonly count: number;
  /** Those that name us. */
  readonly mentions: number;
}

/**
 * How far a person has read in one room: a time by the server's clock, which only grows. Messages up to it are
 * read; so is everything above an own message.
 */
export class ReadState {
  #readUpTo: number;
  #count = 0;
  #mentions = 0;

  constructor(readUpTo: number) {
    this.#readUpTo = readUpTo;
  }

  get readUpTo(): number {
    return this.#readUpTo;
  }

  get unread(): Unread {
    return { count: this.#count, mentions: this.#mentions };
  }

  /** Moves the mark forward; `false` when it was there already. */
  advance(time: number): boolean {
    if (time <= this.#readUpTo) return false;
    this.#readUpTo = time;
    return true;
  }

  /** Counts anew from what is known of the room. */
  recount(entries: readonly Entry[]): void {
    let count = 0;
    let mentions = 0;
    for (let index = entries.length - 1; index >= 0; index--) {
      const entry = entries[index];
      if (!entry || entry.time <= this.#readUpTo) break;
      if (entry.kind !== 'message') continue;
      if (entry.own) break;
      count += 1;
      if (entry.mention) mentions += 1;
    }
    this.#count = count;
    this.#mentions = mentions;
  }
}

/** The value of `timestamp=` in MARKREAD; `undefined` for `*` (never read) and for what is no time. */
export function parseMarker(param: string | undefined): number | undefined {
  const time = param?.startsWith('timestamp=') ? Date.parse(param.slice('timestamp='.length)) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

export function printMarker(time: number): string {
  return `timestamp=${new Date(time).toISOString()}`;
}
