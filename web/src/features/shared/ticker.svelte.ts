import { createSubscriber } from 'svelte/reactivity';

/** The current time for what is shown, once a second; it stands still while nobody looks. */
class Ticker {
  readonly #subscribe: () => void;

  constructor(interval: number) {
    this.#subscribe = createSubscriber((update) => {
      const id = setInterval(update, interval);
      return () => clearInterval(id);
    });
  }

  get now(): number {
    this.#subscribe();
    return Date.now();
  }
}

export const seconds = new Ticker(500);
export const minutes = new Ticker(60_000);
