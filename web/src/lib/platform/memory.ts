import type { Memory } from '../chat';

/** The browser's small store, under a prefix; where there is none, things last as long as the page. */
export class StorageMemory implements Memory {
  readonly #fallback = new Map<string, string>();

  constructor(
    private readonly storage: Storage | undefined,
    private readonly prefix = 'salotto.',
  ) {}

  get(key: string): string | undefined {
    try {
      return this.storage?.getItem(this.prefix + key) ?? this.#fallback.get(key);
    } catch {
      return this.#fallback.get(key);
    }
  }

  set(key: string, value: string): void {
    this.#fallback.set(key, value);
    try {
      if (value === '') this.storage?.removeItem(this.prefix + key);
      else this.storage?.setItem(this.prefix + key, value);
    } catch {
      // Full, or not allowed: kept in memory.
    }
  }
}

/** `localStorage` or `sessionStorage`; even to name them throws where they are forbidden. */
export function storage(kind: 'localStorage' | 'sessionStorage'): Storage | undefined {
  try {
    return window[kind];
  } catch {
    return undefined;
  }
}
