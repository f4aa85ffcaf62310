import type { Clock } from '../clock';
import type { Connection } from '../connection';
import type { Entry } from '../timeline';
import type { Message } from '../wire';
import type { Batch } from './batches';
import type { Room } from './room';

/** How many messages are asked for when a room is opened, and for each page further up. */
export const PAGE = 50;
/** How many are asked for after a connection was lost. */
export const CATCH_UP = 100;
/** How long to wait for history before going on without it, in ms. */
export const HISTORY_TIMEOUT = 5000;

interface Request {
  readonly room: Room;
  readonly limit: number;
  readonly label: string | undefined;
  readonly done: (added: Entry[], received: Entry[], failed: boolean) => void;
  readonly cancel: () => void;
}

/** Fetches what was said before, and while we were away (https://ircv3.net/specs/extensions/chathistory). */
export class History {
  #requests: Request[] = [];
  #gaps = 0;
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
    this.#talks = undefined;
    for (const request of requests) {
      request.cancel();
      request.room.setLoading(false);
    }
  }

  #limit(wanted: number): number {
    const most = this.connection.isupport.historyLimit;
    return most > 0 ? Math.min(wanted, most) : wanted;
  }

  #ask(room: Room, params: readonly string[], wanted: number, done: Request['done']): void {
    if (!this.connection.has('draft/chathistory')) {
      done([], [], true);
      return;
    }
    const limit = this.#limit(wanted);
    const label = this.connection.sendLabeled('CHATHISTORY', [...params, String(limit)]);
    const request: Request = {
      room,
      limit,
      label,
      done,
      cancel: this.clock.after(HISTORY_TIMEOUT, () => this.#finish(request, [], [], true)),
    };
    this.#requests.push(request);
    room.setLoading(true);
  }

  #finish(request: Request, added: Entry[], received: Entry[], failed: boolean): void {
    request.cancel();
    this.#requests = this.#requests.filter((other) => other !== request);
    if (!this.#requests.some((other) => other.room === request.room)) request.room.setLoading(false);
    request.done(added, received, failed);
  }

  /** What was said last in a room, or since the newest message we know of it. */
  latest(room: Room, done: (added: Entry[]) => void): void {
    const newest = room.timeline.newest();
    if (newest?.msgid === undefined) {
      this.#ask(room, ['LATEST', room.name, '*'], PAGE, (added, received, failed) => {
        if (!failed && received.length < this.#limit(PAGE)) room.timeline.markComplete();
        done(added);
      });
      return;
    }
    const after = newest.msgid;
    this.#ask(room, ['LATEST', room.name, `msgid=${after}`], CATCH_UP, (added, received, failed) => {
      if (failed) {
        this.#sinceTime(room, newest.time, after, done);
        return;
      }
      if (received.length >= this.#limit(CATCH_UP)) room.timeline.addGap(after, this.#gapId());
      done(added);
    });
  }

  /** A message may have been taken away; then its time still says where we were. */
  #sinceTime(room: Room, time: number, after: string, done: (added: Entry[]) => void): void {
    const reference = `timestamp=${new Date(time).toISOString()}`;
    this.#ask(room, ['LATEST', room.name, reference], CATCH_UP, (added, received, failed) => {
      if (!failed && received.length >= this.#limit(CATCH_UP)) room.timeline.addGap(after, this.#gapId());
      done(added);
    });
  }

  #gapId(): string {
    return `gap-${(this.#gaps += 1)}`;
  }

  /** The page before the oldest message; one at a time. */
  older(room: Room): void {
    const oldest = room.timeline.oldest();
    if (room.loading || room.timeline.complete) return;
    const reference = oldest?.msgid === undefined ? undefined : `msgid=${oldest.msgid}`;
    const params = reference === undefined ? ['LATEST', room.name, '*'] : ['BEFORE', room.name, reference];
    this.#ask(room, params, PAGE, (_, received, failed) => {
      if (!failed && received.length < this.#limit(PAGE)) room.timeline.markComplete();
    });
  }

  /** What is missing at a gap, a page at a time from its upper edge. */
  fill(room: Room, gap: string, done: () => void): void {
    const row = room.timeline.find(gap);
    if (row?.kind !== 'gap') return;
    this.#ask(room, ['AFTER', room.name, `msgid=${row.after}`], CATCH_UP, (added, received, failed) => {
      if (failed) return;
      const last = received[received.length - 1];
      // A page that is not full, or that runs into what we know, closes the gap.
      const joined = received.length < this.#limit(CATCH_UP) || added.length < received.length;
      room.timeline.closeGap(gap, joined ? undefined : last?.msgid);
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
    const place = request?.room ?? room;
    if (!place) return;
    const received = messages
      .map((message) => this.entry(message, place))
      .filter((entry) => entry !== undefined);
    const added = received.filter((entry) => entry.msgid === undefined || !place.timeline.knows(entry.msgid));
    place.timeline.merge(received);
    for (const entry of received)
      if (entry.kind === 'message') {
        const key = this.connection.isupport.fold(entry.nick);
        place.lastSpoke.set(key, Math.max(entry.time, place.lastSpoke.get(key) ?? 0));
      }
    if (request) this.#finish(request, added, received, false);
  }

  failed(label: string | undefined, room: Room | undefined): void {
    const request = this.#request(label, room);
    if (request) this.#finish(request, [], [], true);
  }

  #request(label: string | undefined, room: Room | undefined): Request | undefined {
    return label === undefined
      ? this.#requests.find((request) => request.room === room)
      : this.#requests.find((request) => request.label === label);
  }
}
