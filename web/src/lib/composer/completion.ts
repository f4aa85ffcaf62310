/** A person who may be meant. */
export interface Candidate {
  readonly nick: string;
  /** When they last spoke in this room, in ms; 0 when never. */
  readonly lastSpoke: number;
}

export interface Completion {
  /** Where the completed word begins and ends in the text. */
  readonly start: number;
  readonly end: number;
  readonly matches: readonly string[];
  readonly kind: 'nick' | 'room' | 'command';
}

/** The most rows of the list. */
export const ROWS = 8;

export interface CompletionSources {
  readonly people: readonly Candidate[];
  readonly rooms: readonly string[];
  readonly commands: readonly string[];
  readonly self: string;
}

/** Nicks that begin with `prefix` first, then those that contain it; among equals, who spoke last. */
export function rankNicks(prefix: string, people: readonly Candidate[], self: string): string[] {
  const wanted = prefix.toLowerCase();
  const rank = (nick: string): number => {
    const lower = nick.toLowerCase();
    if (lower.startsWith(wanted)) return 0;
    return wanted !== '' && lower.includes(wanted) ? 1 : 2;
  };
  return people
    .filter((person) => person.nick.toLowerCase() !== self.toLowerCase())
    .map((person) => ({ ...person, rank: rank(person.nick) }))
    .filter((person) => person.rank < 2)
    .sort((a, b) => a.rank - b.rank || b.lastSpoke - a.lastSpoke || a.nick.localeCompare(b.nick))
    .map((person) => person.nick);
}

/**
 * What the word before the caret may become. By itself the list opens at `@`, `#x` and `/`; with Tab
 * (`explicit`) on any word.
 */
export function complete(
  text: string,
  caret: number,
  explicit: boolean,
  sources: CompletionSources,
): Completion | undefined {
  const before = text.slice(0, caret);
  const start = before.search(/\S*$/);
  const word = before.slice(start);
  const found = (kind: Completion['kind'], matches: string[]): Completion | undefined =>
    matches.length === 0 ? undefined : { start, end: caret, matches: matches.slice(0, ROWS), kind };

  if (word.startsWith('/') && start === 0 && !word.startsWith('//')) {
    const wanted = word.slice(1).toLowerCase();
    const matches = sources.commands.filter((name) => name.startsWith(wanted));
    // The list has done its work when the command stands there in full.
    return matches.length === 1 && matches[0] === wanted && !explicit
      ? undefined
      : found(
          'command',
          matches.map((name) => `/${name}`),
        );
  }
  if (word.startsWith('#') && (word.length > 1 || explicit)) {
    const wanted = word.toLowerCase();
    return found(
      'room',
      sources.rooms.filter((room) => room.toLowerCase().startsWith(wanted) && room.toLowerCase() !== wanted),
    );
  }
  if (word.startsWith('@')) return found('nick', rankNicks(word.slice(1), sources.people, sources.self));
  if (explicit && word !== '') {
    const ranked = rankNicks(word, sources.people, sources.self);
    return found(
      'nick',
      ranked.filter((nick) => nick.toLowerCase().startsWith(word.toLowerCase())),
    );
  }
  return undefined;
}

/** The text with `choice` in place of the completed word, and where the caret goes. */
export function applyCompletion(
  text: string,
  completion: Completion,
  choice: string,
): { text: string; caret: number } {
  const tail = completion.kind === 'nick' && completion.start === 0 ? ': ' : ' ';
  const after = text.slice(completion.end).replace(/^ /, '');
  const head = text.slice(0, completion.start) + choice + tail;
  return { text: head + after, caret: head.length };
}
