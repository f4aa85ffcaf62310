/** How many sent texts are kept. */
export const HISTORY = 100;

/** What was sent from one composer. The text being typed is entry 0 and comes back. */
export class InputHistory {
  #entries: string[] = [];
  #index = 0;
  #typed = '';

  add(text: string): void {
    if (text.trim() !== '' && this.#entries[0] !== text) this.#entries.unshift(text);
    this.#entries.length = Math.min(this.#entries.length, HISTORY);
    this.#index = 0;
  }

  older(current: string): string | undefined {
    if (this.#index === 0) this.#typed = current;
    const text = this.#entries[this.#index];
    if (text !== undefined) this.#index += 1;
    return text;
  }

  newer(): string | undefined {
    if (this.#index === 0) return undefined;
    this.#index -= 1;
    return this.#index === 0 ? this.#typed : this.#entries[this.#index - 1];
  }

  /** The person typed something of their own. */
  reset(): void {
    this.#index = 0;
  }
}
