/** Browsers and systems by what they say of themselves; the first that fits. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/Edg/, 'Edge'],
  [/OPR/, 'Opera'],
  [/Firefox|FxiOS/, 'Firefox'],
  [/Chrome|Chromium|CriOS/, 'Chrome'],
  [/Safari/, 'Safari'],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
];

/** What to call this device in the list of an account's devices: names only, for it is read in any language. */
export function deviceName(desktop: boolean, userAgent: string): string {
  const find = (list: typeof BROWSERS): string | undefined =>
    list.find(([pattern]) => pattern.test(userAgent))?.[1];
  const program = desktop ? 'Salotto' : (find(BROWSERS) ?? 'Web');
  const system = find(SYSTEMS);
  return system === undefined ? program : `${program} · ${system}`;
}
