import type { Clock } from '../clock';
import type { Connection } from '../connection';
import { printMarker } from '../readstate';
import type { Memory } from './memory';
import type { Room } from './room';

/** How long after the last scrolled line the read mark is told, in ms. */
export const MARK_DELAY = 500;

/** Keeps how far was read, and tells the server, a moment after it was. */
export class ReadMarks {
  readonly #waiting = new Map<Room, () => void>();

  constructor(
    private readonly connection: Connection,
    private readonly clock: Clock,
    private readonly memory: Memory,
    private readonly key: (name: string) => string,
  ) {}

  /** How far a room was read in an earlier run, in ms; 0 when that is not known. */
  stored(name: string): number {
    return Number(this.memory.get(this.key(name))) || 0;
  }

  mark(room: Room): void {
    if (this.#waiting.has(room)) return;
    this.#waiting.set(
      room,
      this.clock.after(MARK_DELAY, () => {
        this.#waiting.delete(room);
        this.memory.set(this.key(room.name), String(room.readUpTo));
        const { connection } = this;
        if (connection.state.kind === 'online' && connection.account && connection.has('draft/read-marker'))
          connection.send('MARKREAD', [room.name, printMarker(room.readUpTo)]);
      }),
    );
  }

  clear(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }
}
