/** How many hues the palette has. */
export const HUES = 12;

/** The hue of a person, from 0 to 11: the same wherever the same folded name is shown (FNV-1a, 32 bits). */
export function nickHue(folded: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(folded)) {
    hash ^= byte;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return hash % HUES;
}

/** One or two letters that stand for a person. */
export function initials(nick: string): string {
  const words = nick
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .split(/[-_.|[\]\s]+/u)
    .filter(Boolean);
  const first = [...(words[0] ?? nick)][0] ?? '?';
  const second = words.length > 1 ? ([...(words[1] ?? '')][0] ?? '') : '';
  return (first + second).toUpperCase();
}
