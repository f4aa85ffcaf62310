import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: FLAGS });
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  readonly locale?: string;
}

/** A person at their own browser: nothing shared with the others. */
export async function person(browser: Browser, options: PageOptions = {}): Promise<Page> {
  const context: BrowserContext = await browser.newContext({
    viewport: { width: options.width ?? 1100, height: options.height ?? 800 },
    colorScheme: options.scheme ?? 'light',
    locale: options.locale ?? 'en-GB',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy|Uncaught/.test(message.text()))
      problems.push(message.text());
  });
  faults.set(page, problems);
  return page;
}

const faults = new WeakMap<Page, string[]>();

/** Errors of scripts and of the content security policy on a page so far. */
export function problemsOf(page: Page): readonly string[] {
  return faults.get(page) ?? [];
}

export const byId = (id: string): string => `[data-testid="${id}"]`;

/** Fills the form and enters. */
export async function enter(page: Page, url: string, name: string): Promise<void> {
  await page.goto(url);
  await page.fill(byId('connect-name'), name);
  await page.click(byId('connect-submit'));
  await page.waitForSelector(byId('composer'));
}

export async function say(page: Page, text: string): Promise<void> {
  await page.fill(byId('composer'), text);
  await page.press(byId('composer'), 'Enter');
}

/** The texts on the screen, in order. */
export async function texts(page: Page): Promise<string[]> {
  return (await page.locator(byId('message-text')).allInnerTexts()).map((text) => text.trim());
}

/** Waits until the page has been drawn so many times. */
export async function frames(page: Page, count: number): Promise<void> {
  await page.evaluate(async (left) => {
    for (; left > 0; left--) await new Promise(requestAnimationFrame);
  }, count);
}

/** How many times the page is drawn alike before it counts as at rest. */
const FRAMES_AT_REST = 10;

/** Waits until the timeline has come to rest: it neither scrolls nor changes its height any more. */
export async function rest(page: Page): Promise<void> {
  await page.evaluate(async (enough) => {
    let before = '';
    for (let alike = 0; alike < enough;) {
      await new Promise(requestAnimationFrame);
      const view = document.querySelector('[data-testid="timeline"]');
      const now = `${view?.scrollTop} of ${view?.scrollHeight}, ${view?.clientHeight} shown`;
      alike = now === before ? alike + 1 : 0;
      before = now;
    }
  }, FRAMES_AT_REST);
}

/** Waits until `check` gives something true, and gives it back. */
export async function until<T>(
  check: () => T | Promise<T>,
  what: string,
  patience = 12_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + patience;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
