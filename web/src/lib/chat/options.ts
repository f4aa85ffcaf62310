import type { Clock } from '../clock';
import type { OutboxStore } from '../outbox';
import type { Transport } from '../transport';
import type { ChatEvent } from './events';
import type { Memory } from './memory';

/** What a chat is given from outside. */
export interface ChatOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly memory: Memory;
  readonly outbox: OutboxStore;
  readonly random: () => number;
  /** What this device is called in an account's list of devices. */
  readonly device: string;
  /** A random identifier, unique without coordination. */
  readonly uuid: () => string;
  readonly onEvent: (event: ChatEvent) => void;
}
