import type { Clock } from '../clock';

/** Silence before a PING while the window is in front, in ms. */
export const PING_FOCUSED = 5000;
/** The same while it is hidden. */
export const PING_HIDDEN = 30_000;
/** Silence after which a server that was asked is given up while the window is in front, in ms. */
export const DEAD_AFTER = 15_000;

export interface LivenessEvents {
  ping(token: string): void;
  dead(): void;
  lag(ms: number): void;
}

/** Watches one connection: asks when it is quiet, and gives up when nothing answers. */
export class Liveness {
  #lastByte = 0;
  #asked: { at: number; token: string } | undefined;
  #hidden = false;
  #cancel: (() => void) | undefined;
  #count = 0;

  constructor(
    private readonly clock: Clock,
    private readonly events: LivenessEvents,
  ) {}

  start(): void {
    this.stop();
    this.#lastByte = this.clock.now();
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#asked = undefined;
  }

  /** Any line at all came in. */
  heard(): void {
    this.#lastByte = this.clock.now();
  }

  pong(token: string): void {
    if (this.#asked?.token !== token) return;
    this.events.lag(this.clock.now() - this.#asked.at);
    this.#asked = undefined;
  }

  setHidden(hidden: boolean): void {
    if (this.#hidden === hidden) return;
    this.#hidden = hidden;
    if (this.#cancel === undefined) return;
    // Coming back to a window that has been away: ask now, do not show a connection that may be long dead.
    if (!hidden && this.clock.now() - this.#lastByte >= PING_FOCUSED) this.#ask();
    this.#schedule();
  }

  #ask(): void {
    const now = this.clock.now();
    this.#asked ??= { at: now, token: `salotto-${(this.#count += 1)}` };
    this.events.ping(this.#asked.token);
  }

  #schedule(): void {
    this.#cancel?.();
    const step = this.#hidden ? PING_HIDDEN : PING_FOCUSED;
    const quiet = this.clock.now() - this.#lastByte;
    // After the first question, look again often enough to give up on time.
    const wait = this.#asked ? PING_FOCUSED : Math.max(step - quiet, 50);
    this.#cancel = this.clock.after(wait, () => this.#tick(step));
  }

  #tick(step: number): void {
    const now = this.clock.now();
    const quiet = now - this.#lastByte;
    const asked = this.#asked;
    if (asked && this.#lastByte >= asked.at) this.#asked = undefined;
    // A timer that slept (a suspended computer) must not condemn a connection that was never asked.
    else if (asked && quiet >= DEAD_AFTER && now - asked.at >= DEAD_AFTER - PING_FOCUSED) {
      this.stop();
      this.events.dead();
      return;
    }
    if (quiet >= Math.min(step, PING_FOCUSED) && (quiet >= step || this.#asked)) this.#ask();
    this.#schedule();
  }
}
