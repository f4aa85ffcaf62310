import type { Clock } from '../clock';
import type { OutboxItem, OutboxStore } from './store';

/** How many messages to one target may be on their way unconfirmed. */
export const IN_FLIGHT = 8;
/** How long a message may be on its way before the person is told, in ms. */
export const SLOW_AFTER = 10_000;
/** How long before it counts as not sent, while the connection itself is well, in ms. */
export const FAIL_AFTER = 30_000;
/** Messages that have waited longer than this are not sent without asking, in ms. */
export const ASK_AFTER = 60 * 60_000;
/** The most messages that may wait. */
export const CAPACITY = 1000;

export type OutboxState =
  | 'waiting'
  | 'sending'
  /** Written too long ago: sent only when the person says so. */
  | 'held'
  | 'failed';

interface Slot {
  item: OutboxItem;
  state: OutboxState;
  slow: boolean;
  /** It may have reached the server before: on an earlier connection, in an earlier run, or without an answer. */
  again: boolean;
  cancel: (() => void) | undefined;
}

export interface OutboxHandlers {
  /** Puts the message on the wire. */
  transmit(item: OutboxItem): void;
  /** The state of one message has changed. */
  changed(item: OutboxItem, state: OutboxState, slow: boolean): void;
}

/**
 * What the person has said and the server has not confirmed. In order for each target; a failure stops its
 * target and no other. It outlives the connection, the page and the program.
 */
export class Outbox {
  #slots: Slot[] = [];
  #online = false;
  #ready: (target: string) => boolean = () => true;
  #order = 0;

  constructor(
    private readonly scope: string,
    private readonly store: OutboxStore,
    private readonly clock: Clock,
    private readonly handlers: OutboxHandlers,
    private readonly random: () => string,
  ) {}

  /** Takes up what an earlier run has left; `arrived` says what the server turned out to have after all. */
  async restore(arrived: (item: OutboxItem) => boolean = () => false): Promise<void> {
    const stored = await this.store.load(this.scope);
    const items = stored.filter((item) => !arrived(item));
    for (const item of stored) if (arrived(item)) void this.store.remove(item.token).catch(() => undefined);
    const known = new Set(this.#slots.map((slot) => slot.item.token));
    const restored = items
      .filter((item) => !known.has(item.token))
      .map((item): Slot => ({ ...this.#slot(item), again: true }));
    this.#order = Math.max(this.#order, ...items.map((item) => item.order), 0);
    this.#slots = [...restored, ...this.#slots].sort((a, b) => a.item.order - b.item.order);
    for (const slot of restored) this.#tell(slot);
    this.#pump();
  }

  #slot(item: OutboxItem): Slot {
    const state = item.failure === undefined ? 'waiting' : 'failed';
    return { item, state, slow: false, again: false, cancel: undefined };
  }

  /** Takes a message; `undefined` when too many are waiting already. */
  add(target: string, text: string, type: OutboxItem['type'] = 'message'): OutboxItem | undefined {
    if (this.#slots.length >= CAPACITY) return undefined;
    const now = this.clock.now();
    this.#order = Math.max(this.#order + 1, now);
    const item: OutboxItem = {
      token: this.random(),
      scope: this.scope,
      target,
      text,
      type,
      createdAt: now,
      order: this.#order,
    };
    const slot = this.#slot(item);
    this.#slots.push(slot);
    void this.store.put(item).catch(() => undefined);
    this.#tell(slot);
    this.#pump();
    return item;
  }

  /**
   * The connection is up. `ready` says which targets can be sent to: a room only once we are in it.
   * What has waited for long is held until `release` or `discard`.
   */
  online(ready: (target: string) => boolean): void {
    const limit = this.clock.now() - ASK_AFTER;
    if (!this.#online)
      for (const slot of this.#slots)
        if (slot.state === 'waiting' && slot.item.createdAt < limit) this.#set(slot, 'held');
    this.#online = true;
    this.#ready = ready;
    this.#pump();
  }

  /** The connection is gone: what was on its way will be sent again. */
  offline(): void {
    this.#online = false;
    for (const slot of this.#slots)
      if (slot.state === 'sending') {
        slot.again = true;
        this.#set(slot, 'waiting');
      }
  }

  /** Something that `ready` depends on has changed. */
  poke(): void {
    this.#pump();
  }

  /** The server has these, by whatever way we learned it; `true` when one of them was waiting. */
  confirm(...tokens: readonly string[]): boolean {
    const slots = tokens.map((token) => this.#find(token)).filter((slot) => slot !== undefined);
    for (const slot of slots) this.#drop(slot);
    if (slots.length > 0) this.#pump();
    return slots.length > 0;
  }

  /** The server has refused it. */
  fail(token: string, reason: string): void {
    const slot = this.#find(token);
    if (!slot) return;
    slot.item = { ...slot.item, failure: reason };
    void this.store.put(slot.item).catch(() => undefined);
    this.#set(slot, 'failed');
  }

  /** The oldest message on its way to a target: the one that an answer without a label speaks of. */
  oldestInFlight(target: string): OutboxItem | undefined {
    const key = target.toLowerCase();
    return this.#slots.find((slot) => slot.state === 'sending' && slot.item.target.toLowerCase() === key)
      ?.item;
  }

  retry(token: string): void {
    const slot = this.#find(token);
    if (!slot || slot.state === 'sending') return;
    const { failure: _, ...item } = slot.item;
    slot.item = item;
    slot.again = true;
    void this.store.put(item).catch(() => undefined);
    this.#set(slot, 'waiting');
    this.#pump();
  }

  /** Takes a message back; its text is the result. */
  remove(token: string): OutboxItem | undefined {
    const slot = this.#find(token);
    if (slot) this.#drop(slot);
    this.#pump();
    return slot?.item;
  }

  /** Sends what was held because of its age. */
  release(): void {
    for (const slot of this.#slots) if (slot.state === 'held') this.#set(slot, 'waiting');
    this.#pump();
  }

  /** A person has another name now: what waits goes with the name. */
  rename(from: string, to: string): void {
    const key = from.toLowerCase();
    for (const slot of this.#slots)
      if (slot.item.target.toLowerCase() === key) slot.item = { ...slot.item, target: to };
  }

  /** Every message that is not confirmed, oldest first. */
  items(): { readonly item: OutboxItem; readonly state: OutboxState; readonly slow: boolean }[] {
    return this.#slots.map(({ item, state, slow }) => ({ item, state, slow }));
  }

  get size(): number {
    return this.#slots.length;
  }

  /** How many more messages can wait. */
  get free(): number {
    return Math.max(0, CAPACITY - this.#slots.length);
  }

  /** Whether a message may have reached the server before it was sent the last time. */
  sentAgain(token: string): boolean {
    return this.#find(token)?.again ?? false;
  }

  #find(token: string): Slot | undefined {
    return this.#slots.find((slot) => slot.item.token === token);
  }

  #drop(slot: Slot): void {
    slot.cancel?.();
    this.#slots = this.#slots.filter((other) => other !== slot);
    void this.store.remove(slot.item.token).catch(() => undefined);
  }

  #set(slot: Slot, state: OutboxState): void {
    slot.cancel?.();
    slot.cancel = undefined;
    slot.state = state;
    slot.slow = false;
    this.#tell(slot);
  }

  #tell(slot: Slot): void {
    this.handlers.changed(slot.item, slot.state, slot.slow);
  }

  #pump(): void {
    if (!this.#online) return;
    const flying = new Map<string, number>();
    const blocked = new Set<string>();
    for (const slot of this.#slots) {
      const key = slot.item.target.toLowerCase();
      if (slot.state === 'sending') {
        flying.set(key, (flying.get(key) ?? 0) + 1);
        continue;
      }
      if (slot.state === 'failed' || slot.state === 'held') {
        blocked.add(key);
        continue;
      }
      const count = flying.get(key) ?? 0;
      if (blocked.has(key) || count >= IN_FLIGHT || !this.#ready(slot.item.target)) {
        blocked.add(key);
        continue;
      }
      flying.set(key, count + 1);
      this.#set(slot, 'sending');
      slot.cancel = this.clock.after(SLOW_AFTER, () => {
        slot.slow = true;
        slot.cancel = this.clock.after(FAIL_AFTER - SLOW_AFTER, () => this.fail(slot.item.token, ''));
        this.#tell(slot);
      });
      this.handlers.transmit(slot.item);
    }
  }
}
