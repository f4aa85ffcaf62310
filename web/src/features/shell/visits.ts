import type { Memory } from '$lib/chat';
import { frecency, VISITS } from '$lib/search/rank';

interface Place {
  count: number;
  times: number[];
}

/** Where the person goes, for the order of the switcher. */
export class Visits {
  #places: Record<string, Place> = {};

  constructor(private readonly memory: Memory) {
    try {
      const stored: unknown = JSON.parse(memory.get('visits') ?? '{}');
      if (typeof stored === 'object' && stored !== null) this.#places = stored as Record<string, Place>;
    } catch {
      this.#places = {};
    }
  }

  add(id: string, now: number): void {
    const place = this.#places[id] ?? { count: 0, times: [] };
    this.#places[id] = { count: place.count + 1, times: [...place.times, now].slice(-VISITS) };
    this.memory.set('visits', JSON.stringify(this.#places));
  }

  score(id: string, now: number): number {
    const place = this.#places[id];
    return place && Array.isArray(place.times) ? frecency(place.times, place.count, now) : 0;
  }
}
