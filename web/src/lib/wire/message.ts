/**
 * One line of the protocol: RFC 1459 with IRCv3 message tags.
 * https://ircv3.net/specs/extensions/message-tags and https://modern.ircdocs.horse/#message-format
 */

/** Who a line comes from: a person (`nick!user@host`) or a server (`nick` alone, with dots as a rule). */
export interface Source {
  readonly nick: string;
  readonly user: string;
  readonly host: string;
}

export interface Message {
  readonly tags: ReadonlyMap<string, string>;
  readonly source: Source | undefined;
  /** Upper case, or three digits. */
  readonly command: string;
  readonly params: readonly string[];
}

const UNESCAPED: Readonly<Record<string, string>> = { ':': ';', s: ' ', '\\': '\\', r: '\r', n: '\n' };

/** Reads a tag's value; an unknown escape stands for its character, a lone backslash at the end is dropped. */
export function unescapeTag(value: string): string {
  if (!value.includes('\\')) return value;
  let out = '';
  for (let i = 0; i < value.length; i++) {
    const char = value.charAt(i);
    if (char !== '\\') {
      out += char;
      continue;
    }
    i += 1;
    const next = value.charAt(i);
    out += UNESCAPED[next] ?? next;
  }
  return out;
}

export function escapeTag(value: string): string {
  return value.replace(/[\\; \r\n]/g, (char) => {
    switch (char) {
      case ';':
        return '\\:';
      case ' ':
        return '\\s';
      case '\r':
        return '\\r';
      case '\n':
        return '\\n';
      default:
        return '\\\\';
    }
  });
}

function parseTags(text: string): Map<string, string> {
  const tags = new Map<string, string>();
  for (const part of text.split(';')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals);
    if (key !== '') tags.set(key, equals < 0 ? '' : unescapeTag(part.slice(equals + 1)));
  }
  return tags;
}

export function parseSource(text: string): Source {
  const at = text.indexOf('@');
  const host = at < 0 ? '' : text.slice(at + 1);
  const before = at < 0 ? text : text.slice(0, at);
  const bang = before.indexOf('!');
  return bang < 0
    ? { nick: before, user: '', host }
    : { nick: before.slice(0, bang), user: before.slice(bang + 1), host };
}

/** Reads one line, with or without its line end. `undefined` for a line without a command. */
export function parse(line: string): Message | undefined {
  let rest = line.replace(/[\r\n]+$/, '');
  let tags = new Map<string, string>();
  let source: Source | undefined;

  if (rest.startsWith('@')) {
    const space = rest.indexOf(' ');
    if (space < 0) return undefined;
    tags = parseTags(rest.slice(1, space));
    rest = rest.slice(space + 1);
  }
  rest = rest.replace(/^ +/, '');
  if (rest.startsWith(':')) {
    const space = rest.indexOf(' ');
    if (space < 0) return undefined;
    source = parseSource(rest.slice(1, space));
    rest = rest.slice(space + 1).replace(/^ +/, '');
  }

  const params: string[] = [];
  while (rest !== '') {
    if (rest.startsWith(':') && params.length > 0) {
      params.push(rest.slice(1));
      break;
    }
    const space = rest.indexOf(' ');
    if (space < 0) {
      params.push(rest);
      break;
    }
    params.push(rest.slice(0, space));
    const tail = rest.slice(space + 1);
    rest = tail.replace(/^ +/, '');
  }
  const command = params.shift();
  if (command === undefined || !/^(?:[A-Za-z]+|\d{3})$/.test(command)) return undefined;
  return { tags, source, command: command.toUpperCase(), params };
}

/**
 * Writes one line, without its line end. Line ends and NUL inside a parameter become spaces: what a person
 * types can never become a second command.
 */
export function print(
  command: string,
  params: readonly string[] = [],
  tags?: Readonly<Record<string, string>>,
): string {
  let line = '';
  const pairs = Object.entries(tags ?? {});
  if (pairs.length > 0) {
    line += `@${pairs.map(([key, value]) => (value === '' ? key : `${key}=${escapeTag(value)}`)).join(';')} `;
  }
  line += command;
  params.forEach((param, index) => {
    const clean = param.replace(/[\r\n\0]+/g, ' ');
    const last = index === params.length - 1;
    if (last && (clean === '' || clean.includes(' ') || clean.startsWith(':'))) line += ` :${clean}`;
    else line += ` ${clean.replace(/ +/g, '')}`;
  });
  return line;
}
