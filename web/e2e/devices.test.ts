import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { byId, launch, person, problemsOf, say, until, type PageOptions } from './support/browser';
import { Salotto } from './support/salotto';

const SECRET = 'correct horse battery';
const PICTURES = process.env['PICTURES'];

let browser: Browser;
const cleanup: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
});

afterEach(async () => {
  for (const task of cleanup.splice(0).reverse()) await task();
});

async function server(options: Parameters<typeof Salotto.start>[0] = {}): Promise<Salotto> {
  const started = await Salotto.start(options);
  cleanup.push(() => started.dispose());
  return started;
}

async function browserOf(options: PageOptions = {}): Promise<Page> {
  const page = await person(browser, options);
  cleanup.push(async () => {
    expect(problemsOf(page)).toEqual([]);
    await page.context().close();
  });
  return page;
}

/** Saves what is on the screen, where somebody wants to look at it. */
async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES !== undefined) await page.screenshot({ path: `${PICTURES}/${name}.png` });
}

async function signIn(page: Page, url: string, mode: 'register' | 'login'): Promise<void> {
  await page.goto(url);
  await page.fill(byId('connect-name'), 'Anna');
  await page.locator(byId(`connect-mode-${mode}`)).check({ force: true });
  await page.fill(byId('connect-password'), SECRET);
  await page.click(byId('connect-submit'));
  await page.waitForSelector(byId('composer'));
  await remembered(page);
}

const kept = (page: Page): Promise<string> => page.evaluate(() => JSON.stringify({ ...localStorage }));

/** Resolves when the device has its token. */
const remembered = (page: Page): Promise<boolean> =>
  until(async () => (await kept(page)).includes('salotto.device:'), 'a token');

/** Opens the menu, on a narrow window behind the room, and chooses something. */
async function choose(page: Page, what: string): Promise<void> {
  if (!(await page.locator(byId('menu')).isVisible())) await page.goBack();
  await page.click(byId('menu'));
  await page.click(byId(what));
}

describe('an account on several devices', () => {
  it('keeps no password, and comes back by itself after a reload and a restart', async () => {
    const at = await server();
    const page = await browserOf();
    await signIn(page, at.url, 'register');
    expect(await kept(page)).not.toContain(SECRET);
    await page.reload();
    await page.waitForSelector(byId('composer'));
    const { webPort, data } = at;
    await at.stop();
    await page.waitForSelector(byId('banner'));
    await server({ webPort, data });
    await say(page, 'written meanwhile');
    await page
      .locator(`${byId('message')}[data-state="sent"]`, { hasText: 'written meanwhile' })
      .first()
      .waitFor();
  });

  it('lists them, and signs one out, which has to show the password again and loses nothing', async () => {
    const at = await server();
    const laptop = await browserOf({ width: 1440, height: 900 });
    const phone = await browserOf({ width: 360, height: 740, scheme: 'dark', locale: 'it-IT' });
    const tablet = await browserOf({ scheme: 'dark' });
    await signIn(laptop, at.url, 'register');
    await signIn(phone, at.url, 'login');
    await signIn(tablet, at.url, 'login');
    await phone.fill(byId('composer'), 'begun on the phone');
    await choose(laptop, 'open-devices');
    await until(async () => (await laptop.locator(byId('device')).count()) === 3, 'three devices');
    expect(await laptop.locator(byId('device')).first().innerText()).toMatch(/Chrome · Linux\s+This device/);
    await picture(laptop, 'devices-1440-light');
    await laptop.locator(byId('device-revoke')).first().click();
    await until(async () => (await laptop.locator(byId('device')).count()) === 2, 'two devices');

    // One of the two others is out: it asks for the password, under the name it had.
    const out = await until(async () => {
      for (const page of [phone, tablet])
        if (await page.locator(byId('connect-password-error')).isVisible()) return page;
      return undefined;
    }, 'a form');
    expect(await out.inputValue(byId('connect-name'))).toBe('Anna');
    expect(await kept(out)).not.toContain('salotto.device:');
    await picture(out, 'signed-out');
    await out.fill(byId('connect-password'), SECRET);
    await out.click(byId('connect-submit'));
    await out.waitForSelector(byId('composer'));
    await remembered(out);
    await until(async () => (await phone.inputValue(byId('composer'))) === 'begun on the phone', 'the draft');

    await choose(phone, 'open-devices');
    await until(async () => (await phone.locator(byId('device')).count()) === 3, 'three devices again');
    await picture(phone, 'devices-360-dark');
    await phone.click(byId('devices-revoke-others'));
    await until(async () => (await phone.locator(byId('device')).count()) === 1, 'this device alone');
    await laptop.waitForSelector(byId('connect-password-error'));
    await tablet.waitForSelector(byId('connect-password-error'));
    await picture(laptop, 'signed-out-1440-light');
    await picture(tablet, 'signed-out-dark');
  });

  it('needs no password to come again, until the person signs out', async () => {
    const at = await server();
    const page = await browserOf({ width: 360, height: 740 });
    await signIn(page, at.url, 'register');
    await choose(page, 'disconnect');
    await page.waitForSelector(byId('connect-remembered'));
    await picture(page, 'remembered-360-light');
    await page.click(byId('connect-submit'));
    await page.waitForSelector(byId('composer'));
    if (!(await page.locator(byId('menu')).isVisible())) await page.goBack();
    await page.click(byId('menu'));
    await picture(page, 'menu-360-light');
    await page.click(byId('sign-out'));
    await page.waitForSelector(byId('connect-submit'));
    expect(await page.locator(byId('connect-remembered')).count()).toBe(0);
    expect(await kept(page)).not.toContain('salotto.device:');
  });
});
