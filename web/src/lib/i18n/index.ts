import { en } from './en';
import { it } from './it';

export { DateFormat, list, plural } from './format';

/** Every text of the interface. A language that lacks one, or has one too many, does not compile. */
export type Catalogue = typeof en;

export type Language = 'en' | 'it';

export const catalogues: Readonly<Record<Language, Catalogue>> = { en, it };

export const LANGUAGES = Object.keys(catalogues) as Language[];

/** The first of the person's languages that we have. */
export function pickLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split('-')[0];
    const found = LANGUAGES.find((language) => language === primary);
    if (found) return found;
  }
  return 'en';
}
