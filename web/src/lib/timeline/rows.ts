import type { Entry, EventEntry, GapEntry, MessageEntry, NoteEntry } from './entry';
import type { Timeline } from './timeline';

/** How joins and leaves are shown. */
export type NoticeLevel = 'all' | 'condensed' | 'none';

/** Messages of one author within this time are one group, in ms. */
export const GROUP_WINDOW = 5 * 60_000;
/** A leave followed by a join of the same person within this time is not worth a word, in ms. */
export const FOLD_WINDOW = 5 * 60_000;

export interface MessageRow {
  readonly kind: 'message';
  readonly key: string;
  readonly entry: MessageEntry;
  /** First of its group: it shows author and time. */
  readonly head: boolean;
}

export interface EventsRow {
  readonly kind: 'events';
  readonly key: string;
  readonly entries: readonly EventEntry[];
  readonly summary: readonly Change[];
}

export type Row =
  | MessageRow
  | EventsRow
  | { readonly kind: 'event'; readonly key: string; readonly entry: EventEntry }
  | { readonly kind: 'note'; readonly key: string; readonly entry: NoteEntry }
  | { readonly kind: 'gap'; readonly key: string; readonly entry: GapEntry }
  | { readonly kind: 'day'; readonly key: string; readonly time: number }
  | { readonly kind: 'unread'; readonly key: string }
  | { readonly kind: 'start'; readonly key: string };

/** One person's net change over a run of events. */
export interface Change {
  readonly change: 'join' | 'leave' | 'rename';
  readonly nick: string;
  readonly to?: string;
  readonly broken?: boolean;
}

export interface RowOptions {
  readonly notices: NoticeLevel;
  /** The unread line stands before the first message of others younger than this; in ms. */
  readonly unreadAfter?: number;
}

/** What a run of joins, leaves and renames comes to: who came and left again within the run is not named. */
export function summarise(entries: readonly EventEntry[]): Change[] {
  interface Person {
    first: EventEntry;
    last: EventEntry;
    /** Whether they were here before the run, and the name they had. */
    before: string | undefined;
    after: string | undefined;
    touched: number;
  }
  const people: Person[] = [];
  const byName = new Map<string, Person>();
  for (const entry of entries) {
    const key = entry.nick.toLowerCase();
    let person = byName.get(key);
    if (!person) {
      person = {
        first: entry,
        last: entry,
        before: entry.event === 'join' ? undefined : entry.nick,
        after: undefined,
        touched: 0,
      };
      people.push(person);
      byName.set(key, person);
    }
    person.touched += 1;
    if (entry.event === 'join') person.after = entry.nick;
    else if (entry.event === 'leave') person.after = undefined;
    else {
      person.after = entry.detail ?? entry.nick;
      byName.delete(key);
      byName.set(person.after.toLowerCase(), person);
    }
    person.last = entry;
  }
  const changes: Change[] = [];
  for (const { before, after, first, last } of people) {
    const quick = last.time - first.time <= FOLD_WINDOW;
    if (before === undefined && after !== undefined) changes.push({ change: 'join', nick: after });
    else if (before !== undefined && after === undefined)
      changes.push({ change: 'leave', nick: before, broken: last.broken ?? false });
    else if (before !== undefined && after !== undefined && before !== after)
      changes.push({ change: 'rename', nick: before, to: after });
    else if (!quick && after === undefined)
      changes.push({ change: 'leave', nick: last.nick, broken: last.broken ?? false });
    else if (!quick && first !== last) changes.push({ change: 'join', nick: last.nick });
  }
  return changes;
}

function day(time: number): string {
  const date = new Date(time);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

function foldable(entry: Entry): entry is EventEntry {
  return (
    entry.kind === 'event' && (entry.event === 'join' || entry.event === 'leave' || entry.event === 'rename')
  );
}

/**
 * Turns a timeline's entries into rows. It keeps what it has made: a message added at the end costs the last
 * rows only, and an unchanged row stays the same object.
 */
export class RowBuilder {
  #rows: Row[] = [];
  /** For each row, the index of its first entry. */
  #starts: number[] = [];
  #count = 0;
  #unreadDone = false;
  #options: RowOptions = { notices: 'condensed' };
  #tail: { rows: Row[]; head: Entry | undefined; pending: readonly MessageEntry[] } | undefined;

  constructor(private readonly timeline: Timeline) {}

  build(options: RowOptions): readonly Row[] {
    let dirty = this.timeline.takeDirty();
    if (options.notices !== this.#options.notices || options.unreadAfter !== this.#options.unreadAfter)
      dirty = 0;
    this.#options = options;
    const { entries, pending } = this.timeline;
    if (dirty < this.#count || entries.length !== this.#count)
      this.#rebuild(entries, Math.min(dirty, this.#count));
    const last = entries[entries.length - 1];
    const tail = this.#tail;
    if (pending.length === 0) {
      this.#tail = undefined;
      return [...this.#rows];
    }
    const rows: Row[] = [];
    let previous: Entry | undefined = last;
    pending.forEach((entry, index) => {
      if (!previous || day(previous.time) !== day(entry.time)) {
        if (!previous || previous.time < entry.time)
          rows.push({ kind: 'day', key: `day-${entry.id}`, time: entry.time });
      }
      const same =
        tail?.head === last && tail?.pending[index] === entry
          ? tail.rows.find((row) => row.key === entry.id)
          : undefined;
      rows.push(same ?? { kind: 'message', key: entry.id, entry, head: !grouped(previous, entry) });
      previous = entry;
    });
    this.#tail = { rows, head: last, pending: [...pending] };
    return [...this.#rows, ...rows];
  }

  #rebuild(entries: readonly Entry[], dirty: number): void {
    // Keep whole rows whose entries all come before the first change; the row that touches it is folded anew.
    let keep = this.#rows.length;
    while (keep > 0 && (this.#starts[keep - 1] ?? 0) >= Math.max(0, dirty - 1)) keep -= 1;
    if (dirty <= 1) keep = 0;
    else if (keep > 0) keep -= 1;
    // A day line and the unread line share their entry's index: never keep half of such a set.
    while (keep > 0 && this.#starts[keep] === this.#starts[keep - 1]) keep -= 1;
    const from = keep === 0 ? 0 : (this.#starts[keep] ?? 0);
    this.#rows.length = keep;
    this.#starts.length = keep;
    this.#unreadDone = this.#rows.some((row) => row.kind === 'unread');

    if (keep === 0 && this.timeline.complete) this.#push({ kind: 'start', key: 'start' }, 0);
    let run: EventEntry[] = [];
    let runStart = 0;
    const closeRun = (): void => {
      if (run.length === 0) return;
      const [first] = run;
      const summary = summarise(run);
      if (first && summary.length > 0)
        this.#push({ kind: 'events', key: `run-${first.id}`, entries: run, summary }, runStart);
      run = [];
    };
    const hidden = (entry: Entry): boolean => this.#options.notices === 'none' && foldable(entry);
    let before = from - 1;
    while (before >= 0 && hidden(entries[before] as Entry)) before -= 1;
    let previous: Entry | undefined = entries[before];
    for (let index = from; index < entries.length; index++) {
      const entry = entries[index];
      if (!entry) break;
      if (hidden(entry)) continue;
      if (entry.kind !== 'gap' && (!previous || day(previous.time) !== day(entry.time))) {
        closeRun();
        this.#push({ kind: 'day', key: `day-${entry.id}`, time: entry.time }, index);
        previous = undefined;
      }
      if (this.#unreadHere(entry)) {
        closeRun();
        this.#push({ kind: 'unread', key: 'unread' }, index);
        this.#unreadDone = true;
        previous = undefined;
      }
      if (foldable(entry) && this.#options.notices === 'condensed') {
        if (run.length === 0) runStart = index;
        run.push(entry);
      } else {
        closeRun();
        this.#push(single(entry, previous), index);
      }
      previous = entry;
    }
    closeRun();
    this.#count = entries.length;
  }

  #unreadHere(entry: Entry): boolean {
    const after = this.#options.unreadAfter;
    return (
      after !== undefined && !this.#unreadDone && entry.kind === 'message' && !entry.own && entry.time > after
    );
  }

  #push(row: Row, start: number): void {
    this.#rows.push(row);
    this.#starts.push(start);
  }
}

function grouped(previous: Entry | undefined, entry: MessageEntry): boolean {
  return (
    previous?.kind === 'message' &&
    previous.type === 'message' &&
    entry.type === 'message' &&
    previous.nick === entry.nick &&
    Math.abs(entry.time - previous.time) <= GROUP_WINDOW
  );
}

function single(entry: Entry, previous: Entry | undefined): Row {
  switch (entry.kind) {
    case 'message':
      return { kind: 'message', key: entry.id, entry, head: !grouped(previous, entry) };
    case 'event':
      return { kind: 'event', key: entry.id, entry };
    case 'note':
      return { kind: 'note', key: entry.id, entry };
    case 'gap':
      return { kind: 'gap', key: entry.id, entry };
  }
}
