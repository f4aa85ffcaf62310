/** The most characters that are written at once; a longer text is cut where it is put in. */
export const INPUT_MAX = 64 * 1024;

/** What a person can type after `/`. */
export const COMMANDS = [
  'join',
  'part',
  'msg',
  'me',
  'nick',
  'topic',
  'away',
  'back',
  'whois',
  'invite',
  'kick',
  'connect',
  'disconnect',
  'quit',
  'help',
] as const;

export type CommandName = (typeof COMMANDS)[number];

const ALIASES: Readonly<Record<string, CommandName>> = {
  j: 'join',
  leave: 'part',
  query: 'msg',
  exit: 'quit',
  bye: 'quit',
  '?': 'help',
};

export type Input =
  | { readonly kind: 'empty' }
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'command'; readonly name: CommandName; readonly args: string }
  /** Looks like a command and is none: it stays in the composer and goes nowhere. */
  | { readonly kind: 'unknown'; readonly name: string };

/** Reads what is in the composer. `//x` says `/x`. */
export function parseInput(text: string): Input {
  if (text.trim() === '') return { kind: 'empty' };
  if (!text.startsWith('/')) return { kind: 'say', text };
  if (text.startsWith('//')) return { kind: 'say', text: text.slice(1) };
  const match = /^\/(\S*)[^\S\n]*([\s\S]*)$/.exec(text);
  const word = match?.[1] ?? '';
  const args = (match?.[2] ?? '').trim();
  const lower = word.toLowerCase();
  const name = (COMMANDS as readonly string[]).includes(lower) ? (lower as CommandName) : ALIASES[lower];
  // A command is one line; what follows on a second line would be lost in it.
  if (name === undefined || (args.includes('\n') && name !== 'me')) return { kind: 'unknown', name: word };
  return { kind: 'command', name, args };
}

/** Splits off the first word. */
export function firstWord(args: string): [string, string] {
  const match = /^(\S*)\s*([\s\S]*)$/.exec(args);
  return [match?.[1] ?? '', match?.[2] ?? ''];
}
