/** Pauses before each attempt to come back, in ms; the last one repeats. */
export const DELAYS: readonly number[] = [2000, 2000, 2000, 4000, 8000, 15_000, 30_000];

/** Each pause is made up to this much shorter or longer, so that a thousand clients do not come back at once. */
export const JITTER = 0.2;

/** The pause before attempt number `attempt` (from 0); `random` is in [0, 1). */
export function delayBefore(attempt: number, random: number): number {
  const base = DELAYS[Math.min(attempt, DELAYS.length - 1)] ?? 30_000;
  return Math.round(base * (1 + JITTER * (2 * random - 1)));
}
