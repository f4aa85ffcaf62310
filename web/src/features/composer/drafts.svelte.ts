import { StorageMemory, storage } from '$lib/platform/memory';
import { SvelteSet } from 'svelte/reactivity';

/** Texts begun and not sent, for each room; they outlive the page. */
class Drafts {
  readonly #memory = new StorageMemory(storage('localStorage'), 'salotto.draft.');
  readonly #known = new SvelteSet<string>();

  get(room: string): string {
    const text = this.#memory.get(room.toLowerCase()) ?? '';
    return text;
  }

  has(room: string): boolean {
    return this.#known.has(room.toLowerCase()) || this.get(room) !== '';
  }

  set(room: string, text: string): void {
    const key = room.toLowerCase();
    this.#memory.set(key, text);
    if (text === '') this.#known.delete(key);
    else this.#known.add(key);
  }
}

export const drafts = new Drafts();
