import type { Message } from '../wire';

/** A finished batch (https://ircv3.net/specs/extensions/batch). */
export interface Batch {
  readonly type: string;
  readonly params: readonly string[];
  readonly label: string | undefined;
  readonly items: (Message | Batch)[];
}

interface Open extends Batch {
  readonly parent: string | undefined;
}

/** The most batches open at a time; a server that opens more is not followed into them. */
export const OPEN_BATCHES = 64;
/** The most lines of one batch that are kept; what a server sends beyond it is not read. */
export const BATCH_LINES = 1000;

/** Gathers lines into their batches, and hands on what is complete, in order. */
export class Batches {
  readonly #open = new Map<string, Open>();

  constructor(
    private readonly onMessage: (message: Message) => void,
    private readonly onBatch: (batch: Batch) => void,
  ) {}

  clear(): void {
    this.#open.clear();
  }

  take(message: Message): void {
    if (message.command === 'BATCH') {
      this.#batch(message);
      return;
    }
    const parent = this.#open.get(message.tags.get('batch') ?? '');
    if (parent) {
      if (parent.items.length < BATCH_LINES) parent.items.push(message);
    } else this.onMessage(message);
  }

  #batch(message: Message): void {
    const [reference = '', type = '', ...params] = message.params;
    const id = reference.slice(1);
    if (reference.startsWith('+')) {
      if (this.#open.size >= OPEN_BATCHES) return;
      this.#open.set(id, {
        type,
        params,
        label: message.tags.get('label'),
        items: [],
        parent: message.tags.get('batch'),
      });
      return;
    }
    const batch = this.#open.get(id);
    if (!batch) return;
    this.#open.delete(id);
    const parent = this.#open.get(batch.parent ?? '');
    if (parent) {
      if (parent.items.length < BATCH_LINES) parent.items.push(batch);
    } else this.onBatch(batch);
  }
}

export function isBatch(item: Message | Batch): item is Batch {
  return 'items' in item;
}
