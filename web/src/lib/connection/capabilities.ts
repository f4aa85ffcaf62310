/** What we ask of a server, when it offers it. */
export const WANTED: readonly string[] = [
  'message-tags',
  'server-time',
  'batch',
  'echo-message',
  'labeled-response',
  'account-tag',
  'account-notify',
  'away-notify',
  'extended-join',
  'multi-prefix',
  'userhost-in-names',
  'invite-notify',
  'setname',
  'chghost',
  'cap-notify',
  'standard-replies',
  'sasl',
  'draft/chathistory',
  'draft/account-registration',
  'draft/read-marker',
  'salotto.chat/resume',
];

/** Capability negotiation 302 (https://ircv3.net/specs/extensions/capability-negotiation), from the client's side. */
export class Capabilities {
  readonly #offered = new Map<string, string>();
  readonly #active = new Set<string>();
  #pending = 0;

  /** What a `CAP LS` line lists; `true` when it was the last of the list. */
  list(params: readonly string[]): boolean {
    const more = params[2] === '*' && params.length > 3;
    this.#offer(params[more ? 3 : 2] ?? '');
    return !more;
  }

  #offer(text: string): string[] {
    const names: string[] = [];
    for (const item of text.split(' ').filter(Boolean)) {
      const equals = item.indexOf('=');
      const name = equals < 0 ? item : item.slice(0, equals);
      this.#offered.set(name, equals < 0 ? '' : item.slice(equals + 1));
      names.push(name);
    }
    return names;
  }

  /** The arguments of the `CAP REQ` lines to send, each short enough for one line. */
  requests(): string[] {
    return this.#requests(WANTED.filter((name) => this.#offered.has(name)));
  }

  #requests(names: string[]): string[] {
    const lines: string[] = [];
    for (const name of names) {
      const last = lines.length - 1;
      const line = lines[last];
      if (line !== undefined && line.length + name.length < 400) lines[last] = `${line} ${name}`;
      else lines.push(name);
    }
    this.#pending += lines.length;
    return lines;
  }

  /** An answer to a request; `true` when no other is awaited. */
  answered(verb: 'ACK' | 'NAK', list: string): boolean {
    if (verb === 'ACK')
      for (const name of list.split(' ').filter(Boolean)) {
        if (name.startsWith('-')) this.#active.delete(name.slice(1));
        else this.#active.add(name);
      }
    this.#pending = Math.max(0, this.#pending - 1);
    return this.#pending === 0;
  }

  /** The server offers more while we are there (cap-notify); the result is what to ask for. */
  added(list: string): string[] {
    const names = this.#offer(list).filter((name) => WANTED.includes(name) && !this.#active.has(name));
    return this.#requests(names);
  }

  removed(list: string): void {
    for (const name of list.split(' ').filter(Boolean)) {
      this.#offered.delete(name);
      this.#active.delete(name);
    }
  }

  has(name: string): boolean {
    return this.#active.has(name);
  }

  /** Whether an offered capability's value lists `word`. */
  offers(name: string, word?: string): boolean {
    const value = this.#offered.get(name);
    return value !== undefined && (word === undefined || value.split(',').includes(word));
  }
}
