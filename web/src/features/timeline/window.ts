import type { Row } from '$lib/timeline';

/** The most rows that are in the document at a time. */
export const MOST_ROWS = 150;
/** How many are there while the view is at the end. */
export const ROWS_AT_BOTTOM = 80;
/** Closer to the edge of what is rendered than this, more is rendered, in px. */
export const EDGE = 1000;
/** At the end, rows leave at the top this many at a time. */
const STEP = 20;

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Which rows are rendered: around `centre`, or the last ones when it is undefined or gone. */
export function visibleRange(rows: readonly Row[], centre: string | undefined): Range {
  const { length } = rows;
  const index = centre === undefined ? -1 : rows.findLastIndex((row) => row.key === centre);
  if (index < 0) {
    const start = Math.max(0, length - ROWS_AT_BOTTOM);
    return { start: start - (start % STEP), end: length };
  }
  const half = MOST_ROWS / 2;
  const start = Math.max(0, Math.min(index - half, length - MOST_ROWS));
  return { start, end: Math.min(length, start + MOST_ROWS) };
}
