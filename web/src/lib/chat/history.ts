import type { Clock } from '../clock';
import type { Connection } from '../connection';
import { ENTRIES_MAX, type Entry, type Reach } from '../timeline';
import type { Message } from '../wire';
import type { Batch } from './batches';
import type { Room } from './room';

/** How many messages are asked for when a room is opened, and for each page further up. */
export const PAGE = 50;
/** How many are asked for after a connection was lost. */
export const CATCH_UP = 100;
/** How long to wait for history before going on without it, in ms. */
export const HISTORY_TIMEOUT = 5000;
/** How many answers that are overdue are still taken when they come. */
export const OVERDUE_MAX = 16;

/** What came of a request: `undefined` when nothing did. */
interface Answer {
  /** Messages that were not known before. */
  readonly added: readonly Entry[];
  /** The server had more than it gave. */
  readonly full: boolean;
  /** The first and the last message that the server gave, shown or not. */
  readonly ends: readonly [string | undefined, string | undefined];
}

interface Request {
  readonly room: Room;
  readonly limit: number;
  readonly label: string | undefined;
  /** What an answer says of its place, by whether the server had more. */
  readonly reach: (full: boolean) => Reach;
  readonly done: (answer: Answer | undefined) => void;
  readonly cancel: () => void;
}

/** Fetches what was said before, and while we were away (https://ircv3.net/specs/extensions/chathistory). */
export class History {
  #requests: Request[] = [];
  /** Requests that nobody waits for any more; what answers them is shown all the same. */
  #overdue: Request[] = [];
  /** How far back, or on, each place was read whose last page had nothing in it to show. */
  #read = new WeakMap<Entry | Room, string>();
  #talks: { label: string | undefined; found: (nick: string) => void } | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly clock: Clock,
    private readonly entry: (message: Message, room: Room) => Entry | undefined,
  ) {}

  /** The connection is gone, and the answers with it. */
  clear(): void {
    const requests = this.#requests;
    this.#requests = [];
    this.#overdue = [];
    this.#talks = undefined;
    for (const request of requests) {
      request.cancel();
      request.room.setLoading(false);
    }
  }

  /** We are not in a room any more: an answer that still comes says nothing of what is said there now. */
  left(room: Room): void {
    for (const request of this.#requests) if (request.room === room) request.cancel();
    this.#requests = this.#requests.filter((request) => request.room !== room);
    this.#overdue = this.#overdue.filter((request) => request.room !== room);
    room.setLoading(false);
  }

  #limit(wanted: number): number {
    const most = this.connection.isupport.historyLimit;
    return most > 0 ? Math.min(wanted, most) : wanted;
  }

  #ask(
    room: Room,
    params: readonly string[],
    wanted: number,
    reach: Request['reach'],
    done: Request['done'],
  ): void {
    if (!this.connection.has('draft/chathistory')) {
      done(undefined);
      return;
    }
    const limit = this.#limit(wanted);
    const [verb = '', ...rest] = params;
    const label = this.connection.sendLabeled('CHATHISTORY', [verb, room.name, ...rest, String(limit)]);
    const request: Request = {
      room,
      limit,
      label,
      reach,
      done,
      cancel: this.clock.after(HISTORY_TIMEOUT, () => {
        this.#overdue = [...this.#overdue, request].slice(-OVERDUE_MAX);
        this.#finish(request, undefined);
      }),
    };
    this.#requests.push(request);
    room.setLoading(true);
  }

  #finish(request: Request, answer: Answer | undefined): void {
    request.cancel();
    this.#requests = this.#requests.filter((other) => other !== request);
    if (!this.#requests.some((other) => other.room === request.room)) request.room.setLoading(false);
    request.done(answer);
  }

  /** What was said last in a room, or since the message that we have to go on from. */
  latest(room: Room, done: (added: readonly Entry[]) => void): void {
    const { from } = room.timeline;
    if (from?.msgid === undefined) {
      this.#ask(
        room,
        ['LATEST', '*'],
        PAGE,
        () => ({ newest: true }),
        (answer) => {
          if (answer?.full) room.timeline.markIncomplete();
          else if (answer) room.timeline.markComplete();
          done(answer?.added ?? []);
        },
      );
      return;
    }
    // A message may have been taken away; then its time still says where we were. Others may have the same time.
    const { msgid: after, time } = from;
    this.#since(room, after, `msgid=${after}`, (answer) => {
      if (answer) done(answer.added);
      else
        this.#since(room, after, `timestamp=${new Date(time - 1).toISOString()}`, (again) => {
          if (!again) room.timeline.giveUp(true);
          done(again?.added ?? []);
        });
    });
  }

  /** The newest page; where it does not reach back to `after`, a gap is left between. */
  #since(room: Room, after: string, reference: string, done: Request['done']): void {
    const reach = (full: boolean): Reach => ({ newest: true, after: full ? undefined : after });
    this.#ask(room, ['LATEST', reference], CATCH_UP, reach, done);
  }

  /** The page before the oldest message; one at a time. */
  older(room: Room): void {
    if (room.loading || room.timeline.complete || room.timeline.entries.length >= ENTRIES_MAX) return;
    const oldest = room.timeline.oldest();
    const before = oldest?.msgid;
    const edge = this.#read.get(oldest ?? room) ?? before;
    const params = edge === undefined ? ['LATEST', '*'] : ['BEFORE', `msgid=${edge}`];
    const reach = (): Reach => (before === undefined ? { newest: true } : { before });
    this.#ask(room, params, PAGE, reach, (answer) => {
      // Something older may have come by itself meanwhile; what is before that is another question.
      const same = room.timeline.oldest() === oldest;
      if (!answer || !(same || room.timeline.oldest() === answer.added[0])) return;
      if (!answer.full) room.timeline.markComplete();
      else if (same && answer.ends[0] !== undefined) this.#read.set(oldest ?? room, answer.ends[0]);
    });
  }

  /** What is missing at a gap, a page at a time from its upper edge. */
  fill(room: Room, id: string, done: () => void): void {
    const after = room.timeline.beforeGap(id)?.msgid;
    const gap = room.timeline.find(id);
    if (after === undefined || !gap) return;
    const reach = (full: boolean): Reach => ({ after, newest: !full });
    this.#ask(room, ['AFTER', `msgid=${this.#read.get(gap) ?? after}`], CATCH_UP, reach, (answer) => {
      if (!answer) return;
      const last = answer.ends[1];
      if (answer.added.length === 0 && last !== undefined) this.#read.set(gap, last);
      else this.#read.delete(gap);
      done();
    });
  }

  /** The people we have talked with, over the last month. */
  talks(found: (nick: string) => void): void {
    if (!this.connection.has('draft/chathistory')) return;
    const now = this.clock.now();
    const time = (ms: number): string => `timestamp=${new Date(ms).toISOString()}`;
    const month = 31 * 24 * 60 * 60_000;
    const label = this.connection.sendLabeled('CHATHISTORY', [
      'TARGETS',
      time(now - month),
      time(now + 60_000),
      '30',
    ]);
    this.#talks = { label, found };
  }

  batch(batch: Batch, messages: readonly Message[], room: Room | undefined): void {
    if (batch.type.endsWith('chathistory-targets')) {
      const talks = this.#talks;
      this.#talks = undefined;
      for (const message of messages) {
        const target = message.params[1] ?? '';
        if (message.command === 'CHATHISTORY' && target !== '' && !this.connection.isupport.isChannel(target))
          talks?.found(target);
      }
      return;
    }
    const request = this.#request(batch.label, room);
    const overdue = request ? undefined : this.#overdue.find((other) => other.label === batch.label);
    this.#overdue = this.#overdue.filter((other) => other !== overdue);
    const asked = request ?? (batch.label === undefined ? undefined : overdue);
    // An answer to a question that is of no use any more: we have left the room since.
    if (!asked && batch.label !== undefined) return;
    const place = asked?.room ?? room;
    if (!place) return;
    const received = messages
      .map((message) => this.entry(message, place))
      .filter((entry) => entry !== undefined);
    // Not every line is shown: how many the server gave is counted before.
    const full = asked !== undefined && messages.length >= asked.limit;
    const added = place.timeline.merge(received, asked?.reach(full));
    for (const entry of received)
      if (entry.kind === 'message') {
        const key = this.connection.isupport.fold(entry.nick);
        place.lastSpoke.set(key, Math.max(entry.time, place.lastSpoke.get(key) ?? 0));
      }
    const ends = [messages[0], messages[messages.length - 1]] as const;
    if (request)
      this.#finish(request, { added, full, ends: [ends[0]?.tags.get('msgid'), ends[1]?.tags.get('msgid')] });
  }

  failed(label: string | undefined, room: Room | undefined): void {
    const request = this.#request(label, room);
    if (request) this.#finish(request, undefined);
  }

  #request(label: string | undefined, room: Room | undefined): Request | undefined {
    return label === undefined
      ? this.#requests.find((request) => request.room === room)
      : this.#requests.find((request) => request.label === label);
  }
}
