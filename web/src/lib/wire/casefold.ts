/** Which letters are equal in names: the ISUPPORT token CASEMAPPING. */
export type CaseMapping = 'ascii' | 'rfc1459' | 'rfc1459-strict' | 'other';

export function caseMapping(token: string | undefined): CaseMapping {
  switch (token) {
    case undefined:
      return 'rfc1459';
    case 'ascii':
    case 'rfc1459':
    case 'rfc1459-strict':
      return token;
    default:
      return 'other';
  }
}

/** The form of a name that is equal for all its spellings. */
export function fold(name: string, mapping: CaseMapping = 'ascii'): string {
  switch (mapping) {
    case 'other':
      return name.normalize('NFKC').toLowerCase();
    default: {
      const lower = name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
      if (mapping === 'ascii') return lower;
      const braces = lower.replace(/\[/g, '{').replace(/\]/g, '}').replace(/\\/g, '|');
      return mapping === 'rfc1459' ? braces.replace(/~/g, '^') : braces;
    }
  }
}
