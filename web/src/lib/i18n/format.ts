/** Picks the form of a word that goes with a number. */
export function plural(
  language: string,
  count: number,
  forms: { readonly one: string; readonly other: string },
): string {
  const form = new Intl.PluralRules(language).select(count) === 'one' ? forms.one : forms.other;
  return form.replace('{n}', new Intl.NumberFormat(language).format(count));
}

/** A list as a sentence has it: "Anna, Luca and Eva". */
export function list(language: string, items: readonly string[]): string {
  return new Intl.ListFormat(language, { type: 'conjunction' }).format(items);
}

const DAY = 24 * 60 * 60_000;

function midnight(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}

/** Formats dates for one language; the formatters are made once, they are slow to make. */
export class DateFormat {
  readonly #time: Intl.DateTimeFormat;
  readonly #weekday: Intl.DateTimeFormat;
  readonly #date: Intl.DateTimeFormat;
  readonly #full: Intl.DateTimeFormat;
  readonly #relative: Intl.RelativeTimeFormat;

  constructor(language: string) {
    this.#time = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    this.#weekday = new Intl.DateTimeFormat(language, { weekday: 'long' });
    this.#date = new Intl.DateTimeFormat(language, {
      weekday: 'long',
      day: 'numeric',
      month: 'long',
      year: 'numeric',
    });
    this.#full = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'medium' });
    this.#relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  }

  time(time: number): string {
    return this.#time.format(time);
  }

  full(time: number): string {
    return this.#full.format(time);
  }

  /** Today, yesterday, the weekday within a week, then the whole date. */
  day(time: number, now: number): string {
    const days = Math.round((midnight(now) - midnight(time)) / DAY);
    const text =
      days === 0 || days === 1
        ? this.#relative.format(-days, 'day')
        : days > 1 && days < 7
          ? this.#weekday.format(time)
          : this.#date.format(time);
    return text.charAt(0).toLocaleUpperCase() + text.slice(1);
  }
}
