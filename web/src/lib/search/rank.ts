/** Something that the switcher can go to. */
export interface Choice {
  readonly id: string;
  readonly name: string;
  readonly kind: 'room' | 'direct' | 'person' | 'command';
  readonly unread: number;
  readonly mentions: number;
}

/** The most rows shown. */
export const ROWS = 24;
/** How many visits are kept for each place. */
export const VISITS = 10;

const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;

/** How much of a name a query hits, from 0 (not at all) to 1 (all of it). */
export function matchScore(query: string, name: string): number {
  const wanted = query.toLowerCase();
  const text = name.toLowerCase().replace(/^[#@>]/, '');
  if (wanted === '') return 0.5;
  if (text === wanted) return 1;
  if (text.startsWith(wanted)) return 0.9;
  const initials = text
    .split(/[^\p{L}\p{N}]+/u)
    .map((word) => word.charAt(0))
    .join('');
  if (initials.startsWith(wanted)) return 0.75;
  if (text.includes(wanted)) return 0.6;
  let at = 0;
  for (const letter of wanted) {
    at = text.indexOf(letter, at) + 1;
    if (at === 0) return 0;
  }
  return 0.3 * (wanted.length / at);
}

/** How often and how lately a place was visited: the points of its last visits, by their age. */
export function frecency(visits: readonly number[], count: number, now: number): number {
  if (visits.length === 0) return 0;
  const points = visits.slice(-VISITS).reduce((sum, time) => {
    const age = now - time;
    if (age < 4 * HOUR) return sum + 100;
    if (age < DAY) return sum + 80;
    if (age < 3 * DAY) return sum + 60;
    if (age < 7 * DAY) return sum + 40;
    if (age < 30 * DAY) return sum + 20;
    return age < 90 * DAY ? sum + 10 : sum;
  }, 0);
  return (count * points) / Math.min(visits.length, VISITS);
}

const KIND_ORDER: Readonly<Record<Choice['kind'], number>> = { direct: 0, room: 1, person: 2, command: 3 };

/** The choices for a query, best first. `#`, `@` and `>` narrow it to rooms, people, commands. */
export function rank(query: string, choices: readonly Choice[], recency: (id: string) => number): Choice[] {
  const sigil = query.charAt(0);
  const text = '#@>'.includes(sigil) ? query.slice(1) : query;
  const fits = ({ kind }: Choice): boolean => {
    if (sigil === '#') return kind === 'room';
    if (sigil === '@') return kind === 'direct' || kind === 'person';
    return sigil === '>' ? kind === 'command' : kind !== 'command' || text.length > 1;
  };
  return choices
    .filter(fits)
    .map((choice) => ({ choice, match: matchScore(text.trim(), choice.name) }))
    .filter(({ match }) => match > 0)
    .sort(
      (a, b) =>
        (text === ''
          ? Number(b.choice.mentions > 0) - Number(a.choice.mentions > 0) ||
            Number(b.choice.unread > 0) - Number(a.choice.unread > 0)
          : 0) ||
        b.match * (1 + Math.log1p(recency(b.choice.id))) - a.match * (1 + Math.log1p(recency(a.choice.id))) ||
        KIND_ORDER[a.choice.kind] - KIND_ORDER[b.choice.kind] ||
        a.choice.name.localeCompare(b.choice.name),
    )
    .slice(0, ROWS)
    .map(({ choice }) => choice);
}
