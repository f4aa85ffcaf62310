/** What a timeline is made of. Entries are never changed in place: a changed entry is a new object with the same `id`. */

export type MessageState =
  /** The server has it. */
  | 'sent'
  /** Waiting to be sent, or sent and not yet confirmed. */
  | 'queued'
  | 'failed';

interface Base {
  /** Stable for the life of the row: an own message keeps it when the server confirms it. */
  readonly id: string;
  /** Milliseconds since the Unix epoch, by the server's clock. */
  readonly time: number;
  /** The server's name of this line, when it has one. */
  readonly msgid?: string;
}

export interface MessageEntry extends Base {
  readonly kind: 'message';
  readonly type: 'message' | 'action' | 'notice';
  readonly nick: string;
  readonly account?: string;
  readonly text: string;
  readonly own: boolean;
  readonly mention: boolean;
  readonly state: MessageState;
  /** Our own mark on a message we sent. */
  readonly token?: string;
  /** Among our own messages that are not confirmed: the order in which they were written. */
  readonly order?: number;
  /** Why it was not sent. */
  readonly reason?: string;
  /** It has been on its way for longer than usual. */
  readonly slow?: boolean;
}

export type EventType = 'join' | 'leave' | 'kick' | 'rename' | 'topic' | 'mode';

export interface EventEntry extends Base {
  readonly kind: 'event';
  readonly event: EventType;
  readonly nick: string;
  /** The new name, who was removed, the topic, or the modes. */
  readonly detail?: string;
  /** Why, in the words of who did it. */
  readonly reason?: string;
  /** A leave whose connection broke, and nobody meant it. */
  readonly broken?: boolean;
  readonly own: boolean;
}

/** Something only this person is told: a welcome, an answer to a command, a server's notice. */
export interface NoteEntry extends Base {
  readonly kind: 'note';
  readonly text: string;
  readonly tone: 'info' | 'error' | 'server';
}

/** Messages may be missing here. */
export interface GapEntry extends Base {
  readonly kind: 'gap';
}

export type Entry = MessageEntry | EventEntry | NoteEntry | GapEntry;
