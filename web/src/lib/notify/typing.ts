import type { Clock } from '../clock';

/** The least time between two `active`, in ms (https://ircv3.net/specs/client-tags/typing). */
export const ACTIVE_EVERY = 3000;
/** Stillness after which `paused` is sent, in ms. */
export const PAUSED_AFTER = 4000;
/** How long a received `active` and `paused` hold, in ms. */
export const ACTIVE_HOLDS = 6000;
export const PAUSED_HOLDS = 30_000;

export type TypingState = 'active' | 'paused' | 'done';

/** Tells a room that we are typing, no more often than it should. */
export class TypingSender {
  #lastActive = Number.NEGATIVE_INFINITY;
  #told = false;
  #cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly send: (state: TypingState) => void,
  ) {}

  /** The text in the composer has changed. */
  changed(text: string): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (text === '' || (text.startsWith('/') && !text.startsWith('//') && !text.startsWith('/me '))) {
      this.#done();
      return;
    }
    const now = this.clock.now();
    if (now - this.#lastActive >= ACTIVE_EVERY) {
      this.#lastActive = now;
      this.#told = true;
      this.send('active');
    }
    this.#cancel = this.clock.after(PAUSED_AFTER, () => {
      this.#lastActive = Number.NEGATIVE_INFINITY;
      this.send('paused');
    });
  }

  /** The message was sent: readers drop us when it arrives, nothing needs to be said. */
  sent(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#told = false;
    this.#lastActive = Number.NEGATIVE_INFINITY;
  }

  #done(): void {
    if (!this.#told) return;
    this.#told = false;
    this.#lastActive = Number.NEGATIVE_INFINITY;
    this.send('done');
  }
}

/** Who is typing in one room. */
export class TypingList {
  readonly #people = new Map<string, { nick: string; cancel: () => void }>();

  constructor(
    private readonly clock: Clock,
    private readonly changed: () => void,
  ) {}

  get nicks(): string[] {
    return [...this.#people.values()].map((person) => person.nick);
  }

  heard(nick: string, state: string): void {
    const key = nick.toLowerCase();
    const known = this.#people.get(key);
    known?.cancel();
    if (state !== 'active' && state !== 'paused') {
      if (this.#people.delete(key)) this.changed();
      return;
    }
    const cancel = this.clock.after(state === 'active' ? ACTIVE_HOLDS : PAUSED_HOLDS, () => {
      this.#people.delete(key);
      this.changed();
    });
    this.#people.set(key, { nick, cancel });
    if (!known) this.changed();
  }

  /** They said something, or are gone. */
  drop(nick: string): void {
    const key = nick.toLowerCase();
    const known = this.#people.get(key);
    if (!known) return;
    known.cancel();
    this.#people.delete(key);
    this.changed();
  }

  clear(): void {
    if (this.#people.size === 0) return;
    for (const person of this.#people.values()) person.cancel();
    this.#people.clear();
    this.changed();
  }
}
