/** Why a name is not sent to the server at all. The server has the last word and may refuse more. */
export type NameProblem = 'empty' | 'characters' | 'long';

/** Letters, digits, `-` and `_`; it cannot start with a digit or `-`. */
export function checkName(name: string, limit = 32): NameProblem | undefined {
  if (name === '') return 'empty';
  if (!/^[\p{L}_][\p{L}\p{M}\p{N}_-]*$/u.test(name)) return 'characters';
  return [...name].length > limit ? 'long' : undefined;
}

/** What to offer when `name` is taken. */
export function suggestName(name: string, limit = 32): string {
  const characters = [...name];
  return characters.length < limit ? `${name}_` : `${characters.slice(0, limit - 1).join('')}_`;
}

/** A room's name as a person types it, with the `#` added: `undefined` when it cannot be one. */
export function roomName(text: string): string | undefined {
  const name = text.trim().replace(/\s+/g, '-');
  const full = name.startsWith('#') ? name : `#${name}`;
  return full.length > 1 && !/[\0\x07\r\n ,:]/.test(full) ? full : undefined;
}

/** A port as typed: `undefined` when it is not a number from 1 to 65535. */
export function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text.trim())) return undefined;
  const port = Number(text);
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** A host name, an IPv4 or an IPv6 address, as typed. */
export function checkHost(text: string): 'empty' | 'characters' | undefined {
  const host = text.trim();
  if (host === '') return 'empty';
  if (/^\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%a-z0-9]*\]?$/.test(host)) return undefined;
  return /^[\p{L}\p{N}_]([\p{L}\p{N}_.-]*[\p{L}\p{N}_.])?$/u.test(host) && !host.includes('..')
    ? undefined
    : 'characters';
}
