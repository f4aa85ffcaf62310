import type { Catalogue } from '$lib/i18n';

/** Messages within this time are told together, in ms. */
const BURST = 2000;
/** How many are told one by one before they are only counted. */
const SINGLE = 3;

/**
 * What a screen reader is told: new messages of the open room, once each; bursts as a number. History and own
 * messages never come here.
 */
export class Announcer {
  #text = $state('');
  #times: number[] = [];
  #burst: { people: string[]; messages: number } | undefined;

  constructor(private readonly t: () => Catalogue) {}

  get text(): string {
    return this.#text;
  }

  say(text: string): void {
    // The same words twice are told twice: a live region speaks only when it changes.
    this.#text = this.#text === text ? `${text}\u00a0` : text;
  }

  message(name: string, text: string): void {
    const now = Date.now();
    this.#times = [...this.#times.filter((time) => now - time < BURST), now];
    if (this.#burst) {
      if (!this.#burst.people.includes(name)) this.#burst.people.push(name);
      this.#burst.messages += 1;
      return;
    }
    if (this.#times.length <= SINGLE) {
      this.say(this.t().says({ name, text }));
      return;
    }
    const burst = { people: [name], messages: 1 };
    this.#burst = burst;
    setTimeout(() => {
      this.#burst = undefined;
      this.say(this.t().newFromPeople({ messages: burst.messages, people: burst.people.length }));
    }, BURST);
  }
}
