const encoder = new TextEncoder();

/** A line's length limit, its CR LF included. */
export const LINE_BYTES = 512;

export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/**
 * How many bytes of text fit in one PRIVMSG to `target`, as the server sends it on: with our own
 * `:nick!user@host ` in front. `mask` is that source when known.
 */
export function textBudget(target: string, mask: string, action = false): number {
  const frame = `:${mask} PRIVMSG ${target} :\r\n`;
  return LINE_BYTES - byteLength(frame) - (action ? byteLength('\x01ACTION \x01') : 0);
}

interface Segmenter {
  segment(text: string): Iterable<{ segment: string }>;
}

const graphemes: Segmenter =
  typeof Intl !== 'undefined' && 'Segmenter' in Intl
    ? new Intl.Segmenter(undefined, { granularity: 'grapheme' })
    : { segment: (text: string) => [...text].map((segment) => ({ segment })) };

function pieces(text: string, granularity: 'grapheme' | 'codepoint'): string[] {
  return granularity === 'codepoint' ? [...text] : [...graphemes.segment(text)].map((piece) => piece.segment);
}

/** Cuts one line at word ends into parts of at most `budget` bytes; a word longer than that is cut between characters. */
export function splitLine(line: string, budget: number): string[] {
  if (byteLength(line) <= budget) return [line];
  const parts: string[] = [];
  let part = '';
  let size = 0;
  const push = (): void => {
    if (part.trimEnd() !== '') parts.push(part.trimEnd());
    part = '';
    size = 0;
  };
  const add = (text: string, bytes: number): void => {
    part += text;
    size += bytes;
  };
  for (const word of line.match(/\S+\s*|\s+/g) ?? []) {
    const bare = byteLength(word.trimEnd());
    if (size + bare > budget && size > 0) push();
    if (bare <= budget) {
      add(word, byteLength(word));
      continue;
    }
    for (const piece of pieces(word, 'grapheme')) {
      for (const unit of byteLength(piece) > budget ? pieces(piece, 'codepoint') : [piece]) {
        const bytes = byteLength(unit);
        if (size + bytes > budget && size > 0) push();
        add(unit, bytes);
      }
    }
  }
  push();
  return parts;
}

/** What a text becomes on the wire: one message a line, long lines in several; empty lines are dropped. */
export function splitText(text: string, budget: number): string[] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line.trim() !== '')
    .flatMap((line) => splitLine(line, budget));
}
