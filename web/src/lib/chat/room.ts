import type { Clock } from '../clock';
import { TypingList } from '../notify';
import { Observable } from '../observable';
import { ReadState, type Unread } from '../readstate';
import { Timeline } from '../timeline';

/** One person in one room. */
export interface Member {
  readonly nick: string;
  readonly account?: string;
  /** Membership marks, highest first: `@`, `+`. */
  readonly marks: string;
  readonly away: boolean;
}

export type RoomKind = 'room' | 'direct';

/** A place to talk: a room, or the talk with one person. */
export class Room extends Observable {
  readonly timeline: Timeline;
  readonly typing: TypingList;
  readonly members = new Map<string, Member>();
  /** When each person last spoke here, by folded nick, in ms. */
  readonly lastSpoke = new Map<string, number>();
  #read = new ReadState(0);
  #readKnown = false;
  #name: string;
  #joined = false;
  #wanted = false;
  #topic = '';
  #unreadAfter: number | undefined;
  #loading = false;
  #caughtUp = false;
  #failed = 0;
  #crowded = false;

  constructor(
    readonly kind: RoomKind,
    name: string,
    clock: Clock,
    order?: (msgid: string, other: string) => number,
  ) {
    super();
    this.timeline = new Timeline(order);
    this.#name = name;
    this.typing = new TypingList(clock, () => this.changed());
    this.timeline.subscribe(() => this.changed());
  }

  get name(): string {
    return this.#name;
  }

  rename(name: string): void {
    this.#name = name;
    this.changed();
  }

  /** Whether the server has us in it at this moment. */
  get joined(): boolean {
    return this.#joined;
  }

  /** Whether we want to be in it, and join again after a connection was lost. */
  get wanted(): boolean {
    return this.#wanted;
  }

  setJoined(joined: boolean): void {
    this.#joined = joined;
    // Also on the way in: what was said to us before we left may have come after it.
    this.timeline.cut();
    if (joined) this.#wanted = true;
    else {
      this.#caughtUp = false;
      this.typing.clear();
    }
    this.changed();
  }

  /** Left on purpose, or removed: it is not joined again by itself. */
  setUnwanted(): void {
    this.#wanted = false;
    this.changed();
  }

  get topic(): string {
    return this.#topic;
  }

  setTopic(topic: string): void {
    this.#topic = topic;
    this.changed();
  }

  /** Whether history since the last connection has come in. */
  get caughtUp(): boolean {
    return this.#caughtUp;
  }

  setCaughtUp(): void {
    this.#caughtUp = true;
    this.changed();
  }

  /** A page of history is on its way. */
  get loading(): boolean {
    return this.#loading;
  }

  setLoading(loading: boolean): void {
    if (this.#loading === loading) return;
    this.#loading = loading;
    this.changed();
  }

  /** More people have been here than can be told of one by one: joins and leaves are condensed from then on. */
  get crowded(): boolean {
    return this.#crowded;
  }

  /** How many own messages here could not be sent. */
  get failed(): number {
    return this.#failed;
  }

  setFailed(failed: number): void {
    if (this.#failed === failed) return;
    this.#failed = failed;
    this.changed();
  }

  membersChanged(): void {
    if (this.members.size > 10) this.#crowded = true;
    this.changed();
  }

  get unread(): Unread {
    return this.#read.unread;
  }

  get readUpTo(): number {
    return this.#read.readUpTo;
  }

  /** Sets how far was read, from an earlier run or from the server. A mark only grows, once it is known. */
  restoreRead(time: number): void {
    if (this.#readKnown) {
      if (!this.#read.advance(time)) return;
    } else {
      this.#read = new ReadState(time);
      this.#readKnown = true;
    }
    this.recount();
  }

  /** Without a mark from anywhere, what was said before we came counts as read. */
  assumeRead(time: number): void {
    if (this.#readKnown || this.#read.readUpTo > 0) return;
    this.#read = new ReadState(time);
    this.recount();
  }

  /** `false` when it was read that far already. */
  markRead(time: number): boolean {
    if (!this.#read.advance(time)) return false;
    this.#readKnown = true;
    this.recount();
    return true;
  }

  recount(): void {
    this.#read.recount(this.timeline.entries);
    this.changed();
  }

  /** The unread line stands before the first message after this time; it stays while the room is open. */
  get unreadAfter(): number | undefined {
    return this.#unreadAfter;
  }

  /** Puts the line where reading has come to; nothing when all is read. */
  placeUnreadLine(): void {
    const next = this.unread.count > 0 ? this.#read.readUpTo : undefined;
    if (this.#unreadAfter === next) return;
    this.#unreadAfter = next;
    this.changed();
  }

  clearUnreadLine(): void {
    if (this.#unreadAfter === undefined) return;
    this.#unreadAfter = undefined;
    this.changed();
  }
}
