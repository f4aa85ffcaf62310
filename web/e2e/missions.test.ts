import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { byId, enter, launch, person, problemsOf, say, texts, until } from './support/browser';
import { Irc, Road, Salotto } from './support/salotto';

/**
 * What the product must do, each row driven through the real server and a real browser.
 */

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

async function browserOf(options: Parameters<typeof person>[1] = {}): Promise<Page> {
  const page = await person(browser, options);
  cleanup.push(async () => {
    expect(problemsOf(page)).toEqual([]);
    await page.context().close();
  });
  return page;
}

async function irc(at: Salotto, nick: string): Promise<Irc> {
  const joined = await Irc.join(at.ircPort, nick);
  cleanup.push(() => joined.close());
  return joined;
}

const notices = (page: Page): Promise<string[]> => page.locator(byId('notice')).allInnerTexts();
const banner = (page: Page): Promise<string | null> =>
  page
    .locator(byId('banner'))
    .getAttribute('data-kind', { timeout: 500 })
    .catch(() => null);
const bannerText = (page: Page): Promise<string> => page.locator(byId('banner')).innerText();

/** Resolves when a notice says `pattern`. */
async function noticed(page: Page, pattern: RegExp): Promise<string> {
  return until(async () => (await notices(page)).find((text) => pattern.test(text)), `a notice ${pattern}`);
}

/** Resolves when the screen shows `text` as sent. */
async function shown(page: Page, text: string): Promise<void> {
  await page
    .locator(`${byId('message')}[data-state="sent"]`, { hasText: text })
    .first()
    .waitFor();
}

describe('welcome', () => {
  it('mission_06 welcomes the newcomer by name and tells how to leave', async () => {
    const at = await server();
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    await until(
      async () =>
        /Anna/.test(await page.locator(byId('note')).first().innerText()) &&
        /\/quit/.test(await page.locator(byId('note')).first().innerText()),
      'a welcome by name',
    );
  });

  it('mission_06 does so in Italian for an Italian browser', async () => {
    const at = await server();
    const page = await browserOf({ locale: 'it-IT' });
    await enter(page, at.url, 'Anna');
    await until(
      async () =>
        /benvenuto, Anna.*uscire.*\/quit/s.test(await page.locator(byId('note')).first().innerText()),
      'the welcome',
    );
  });
});

describe('the room', () => {
  it('mission_07 shows everybody each message once, with its author, in the same order', async () => {
    const at = await server();
    const anna = await browserOf();
    const bea = await browserOf();
    await enter(anna, at.url, 'Anna');
    await enter(bea, at.url, 'Bea');
    const carl = await irc(at, 'Carl');
    for (let round = 0; round < 8; round++) {
      await Promise.all([say(anna, `a${round} says Anna`), say(bea, `b${round} says Bea`)]);
      carl.send(`PRIVMSG #lobby :c${round} says Carl`);
    }
    await Promise.all(
      [anna, bea].map((page) =>
        until(
          async () =>
            (await texts(page)).length === 24 &&
            (await page.locator(`${byId('message')}[data-state="sent"]`).count()) === 24,
          '24 messages',
        ),
      ),
    );
    const one = await texts(anna);
    expect(await texts(bea)).toEqual(one);
    expect(new Set(one).size).toBe(24);
    const authors = await anna
      .locator(byId('message'))
      .evaluateAll((rows) =>
        rows.map((row) => [
          row.getAttribute('data-author'),
          row.querySelector('[data-testid="message-text"]')?.textContent?.trim() ?? '',
        ]),
      );
    for (const [author, text] of authors) expect(text).toContain(`says ${author}`);
    const ids = await anna
      .locator(byId('message'))
      .evaluateAll((rows) => rows.map((row) => row.getAttribute('data-msgid')));
    expect(
      await bea
        .locator(byId('message'))
        .evaluateAll((rows) => rows.map((row) => row.getAttribute('data-msgid'))),
    ).toEqual(ids);
  });

  it('mission_08 tells everybody who joins and who leaves', async () => {
    const at = await server();
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    const bo = await irc(at, 'Bo');
    await noticed(page, /Bo joined the room/);
    bo.send('PART #lobby');
    await noticed(page, /Bo left the room/);
  });

  it('mission_09 tells a person who left from a connection that broke, and why', async () => {
    const at = await server();
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    const bo = await irc(at, 'Bo');
    const eva = await irc(at, 'Eva');
    bo.send('QUIT :time for bed');
    expect(await noticed(page, /Bo left/)).toMatch(/left the room: time for bed/);
    eva.reset();
    expect(await noticed(page, /Eva left/)).toMatch(/connection lost \(.+\)/);
    const broken = await page
      .locator(byId('notice'))
      .evaluateAll((rows) => rows.filter((row) => row.getAttribute('data-broken') === 'true').length);
    expect(broken).toBe(1);
  });

  it('mission_09 a browser that is closed has left, not broken', async () => {
    const at = await server();
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    const bea = await browserOf();
    await enter(bea, at.url, 'Bea');
    await noticed(page, /Bea joined/);
    await bea.close({ runBeforeUnload: false });
    expect(await noticed(page, /Bea left/)).not.toMatch(/connection lost/);
  });
});

describe('names', () => {
  it('mission_10 refuses a taken or invalid name with the reason and asks again on the same connection', async () => {
    const at = await server();
    await irc(at, 'Anna');
    const page = await browserOf();
    let sockets = 0;
    page.on('websocket', () => (sockets += 1));
    await page.goto(at.url);

    await page.fill(byId('connect-name'), '2anna');
    expect(await page.innerText(byId('connect-name-error'))).toMatch(/cannot start with a digit/);
    await page.fill(byId('connect-name'), '');
    expect(await page.innerText(byId('connect-name-error'))).toMatch(/Choose a user name/);
    expect(sockets).toBe(0);

    await page.fill(byId('connect-name'), 'Anna');
    await page.click(byId('connect-submit'));
    await page.waitForSelector(byId('connect-name-error'));
    expect(await page.innerText(byId('connect-name-error'))).toMatch(/“Anna” is already in use.*Anna_/s);
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-testid'))).toBe(
      'connect-name',
    );

    // Another spelling of the same name, and one that looks like it, are refused too.
    await page.fill(byId('connect-name'), 'ANNA');
    await page.press(byId('connect-name'), 'Enter');
    await until(
      async () => /“ANNA” is already in use/.test(await page.innerText(byId('connect-name-error'))),
      'a second refusal',
    );
    await page.fill(byId('connect-name'), 'Аnna');
    await page.press(byId('connect-name'), 'Enter');
    await until(
      async () =>
        (await page.locator(byId('connect-name-error')).count()) > 0 &&
        !/ANNA/.test(await page.innerText(byId('connect-name-error'))),
      'a third refusal',
    );

    await page.fill(byId('connect-name'), 'Anna');
    await page.press(byId('connect-name'), 'Enter');
    await page.click(byId('connect-suggestion'));
    await page.waitForSelector(byId('composer'));
    expect(await page.innerText(byId('self'))).toBe('Anna_');
    expect(sockets).toBe(1);
  });

  it('mission_12 leaves by typed command, and the room is told why', async () => {
    const at = await server();
    const bo = await irc(at, 'Bo');
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    await bo.line(/:Anna![^ ]+ JOIN/);
    await say(page, '/quit see you tomorrow');
    expect(await bo.line(/:Anna![^ ]+ QUIT/)).toMatch(/see you tomorrow/);
    await page.waitForSelector(byId('connect-submit'));
    // It was meant: nothing comes back by itself, and the name is free.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(await page.locator(byId('connect-submit')).count()).toBe(1);
    await irc(at, 'Anna');
  });

  it('mission_12 an unknown command goes nowhere and stays to be corrected', async () => {
    const at = await server();
    const bo = await irc(at, 'Bo');
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    await say(page, '/qiut my secret');
    expect(await page.innerText(byId('composer-error'))).toMatch(/no command \/qiut/);
    expect(await page.inputValue(byId('composer'))).toBe('/qiut my secret');
    await say(page, 'after');
    await bo.line(/PRIVMSG #lobby :after/);
    expect(bo.lines.some((line) => line.includes('secret'))).toBe(false);
  });
});

describe('the connection', () => {
  it('mission_16 says that the server has closed and keeps what was on the screen', async () => {
    const at = await server();
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    await say(page, 'said before the end');
    await shown(page, 'said before the end');
    await page.fill(byId('composer'), 'half a sentence');
    const start = Date.now();
    await at.stop();
    await until(async () => (await banner(page)) === 'server-closed', 'the banner');
    expect(Date.now() - start).toBeLessThan(3000);
    expect(await bannerText(page)).toMatch(/The server has closed the connection/);
    expect(await texts(page)).toContain('said before the end');
    expect(await page.inputValue(byId('composer'))).toBe('half a sentence');
  });

  it('mission_17 says that it is offline when it cannot reach the server, tries again after 2 s, and keeps the form', async () => {
    const at = await server();
    const page = await browserOf();
    await page.goto(at.url);
    const { webPort: port, data } = at;
    await at.stop();
    await page.fill(byId('connect-name'), 'Anna');
    await page.click(byId('connect-submit'));
    await page.waitForSelector(byId('connect-error'));
    expect(await page.innerText(byId('connect-error'))).toMatch(
      /Could not reach .*Offline\. Retrying in \d+ s/s,
    );
    expect(await page.inputValue(byId('connect-name'))).toBe('Anna');
    await server({ webPort: port, data });
    await page.waitForSelector(byId('composer'), { timeout: 10_000 });
  });

  it('mission_17 sends what was typed while offline, once and in order', async () => {
    const at = await server();
    const bo = await irc(at, 'Bo');
    const road = await Road.to(at.webPort);
    cleanup.push(() => road.dispose());
    const page = await browserOf();
    await enter(page, road.url, 'Anna');
    await say(page, 'first');
    await shown(page, 'first');
    road.cut();
    await until(async () => (await banner(page)) === 'offline', 'the offline banner');
    expect(await bannerText(page)).toMatch(/Offline/);
    for (const text of ['second', 'third', 'fourth']) await say(page, text);
    expect(await page.locator(`${byId('message')}[data-state="queued"]`).count()).toBe(3);
    await page.fill(byId('composer'), 'not finished');
    road.open();
    await shown(page, 'fourth');
    await bo.line(/:fourth/);
    expect(bo.lines.filter((line) => / PRIVMSG /.test(line)).map((line) => line.split(' :').pop())).toEqual([
      'first',
      'second',
      'third',
      'fourth',
    ]);
    expect(await texts(page)).toEqual(['first', 'second', 'third', 'fourth']);
    expect(await page.inputValue(byId('composer'))).toBe('not finished');
  });

  it('mission_17 keeps unsent messages over a reload of the page', async () => {
    const at = await server();
    const bo = await irc(at, 'Bo');
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    await say(page, 'before');
    await shown(page, 'before');
    at.freeze();
    await say(page, 'kept one');
    await say(page, 'kept two');
    expect(await page.locator(`${byId('message')}[data-state="queued"]`).count()).toBe(2);
    await until(
      () =>
        page.evaluate(
          () =>
            new Promise<boolean>((resolve) => {
              const request = indexedDB.open('salotto', 1);
              request.onsuccess = () => {
                const count = request.result.transaction('outbox').objectStore('outbox').count();
                count.onsuccess = () => {
                  resolve(count.result === 2);
                  request.result.close();
                };
              };
            }),
        ),
      'two messages in the database',
    );
    const reloading = page.reload();
    at.resume();
    await reloading;
    await page.waitForSelector(byId('composer'));
    await shown(page, 'kept two');
    await bo.line(/:kept two/);
    expect(bo.lines.filter((line) => / PRIVMSG /.test(line)).map((line) => line.split(' :').pop())).toEqual([
      'before',
      'kept one',
      'kept two',
    ]);
  });

  it('mission_18 comes back by itself under its name and fetches what it missed', async () => {
    const at = await server();
    const bo = await irc(at, 'Bo');
    const road = await Road.to(at.webPort);
    cleanup.push(() => road.dispose());
    const page = await browserOf();
    await enter(page, road.url, 'Anna');
    bo.send('PRIVMSG #lobby :before');
    await shown(page, 'before');
    road.cut();
    await until(async () => (await banner(page)) === 'offline', 'the offline banner');
    for (let index = 0; index < 5; index++) bo.send(`PRIVMSG #lobby :missed ${index}`);
    await bo.line(/PRIVMSG|./);
    road.open();
    await shown(page, 'missed 4');
    expect(await page.innerText(byId('self'))).toBe('Anna');
    expect(await texts(page)).toEqual(['before', 'missed 0', 'missed 1', 'missed 2', 'missed 3', 'missed 4']);
    await until(async () => (await banner(page)) === 'online', 'the word that it is back');
    expect(await bannerText(page)).toMatch(/Back online\. 5 new messages/);
  });

  it('mission_18 survives a restart of the server', async () => {
    const at = await server();
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    await say(page, 'kept by the server');
    await shown(page, 'kept by the server');
    const { webPort, data } = at;
    await at.stop();
    await until(async () => (await banner(page)) === 'server-closed', 'the banner');
    await say(page, 'while it was down');
    const again = await server({ webPort, data });
    await shown(page, 'while it was down');
    expect(await texts(page)).toEqual(['kept by the server', 'while it was down']);
    const bo = await irc(again, 'Bo');
    bo.send('PRIVMSG #lobby :hello again');
    await shown(page, 'hello again');
  });

  it('mission_19 asks every 5 s while idle and notices a dead server within 15 s', async () => {
    const at = await server();
    const page = await browserOf();
    const pings: number[] = [];
    page.on('websocket', (socket) =>
      socket.on('framesent', ({ payload }) => {
        if (String(payload).startsWith('PING')) pings.push(Date.now());
      }),
    );
    await enter(page, at.url, 'Anna');
    await until(() => pings.length >= 2, 'two pings', 15_000);
    const [first = 0, second = 0] = pings;
    expect(second - first).toBeGreaterThan(4000);
    expect(second - first).toBeLessThan(7000);
    at.freeze();
    const start = Date.now();
    await until(async () => (await banner(page)) === 'offline', 'the offline banner', 25_000);
    expect(Date.now() - start).toBeLessThan(18_000);
    at.resume();
    await until(
      async () =>
        (await banner(page)) !== 'offline' && (await page.innerText(byId('self-state'))) === 'online',
      'to be back',
      45_000,
    );
    expect(await page.innerText(byId('self'))).toBe('Anna');
  });

  it('mission_20 a connection that resets or hangs half-open harms nobody else', async () => {
    const at = await server();
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    const road = await Road.to(at.webPort);
    cleanup.push(() => road.dispose());
    const bea = await browserOf();
    await enter(bea, road.url, 'Bea');
    const carl = await irc(at, 'Carl');
    road.swallow();
    carl.reset();
    await noticed(page, /Carl left the room: connection lost/);
    for (let index = 0; index < 5; index++) await say(page, `still here ${index}`);
    await shown(page, 'still here 4');
    // Half-open: the person comes back on a new connection while the server still holds the old one.
    await until(async () => (await banner(bea)) === 'offline', 'Bea to notice', 25_000);
    road.open();
    await shown(bea, 'still here 4');
    expect(await bea.innerText(byId('self'))).toBe('Bea');
    expect((await notices(page)).filter((text) => /Bea left/.test(text))).toEqual([]);
    await say(bea, 'and so am I');
    await shown(page, 'and so am I');
  });
});

describe('rooms and accounts', () => {
  it('mission_21 has several rooms, each with its own people and messages', async () => {
    const at = await server();
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    const bo = await irc(at, 'Bo');
    await page.click(byId('join-room'));
    await page.fill(byId('join-name'), 'rust');
    await page.click(byId('join-submit'));
    await until(async () => (await page.innerText(byId('room-title'))) === '#rust', 'the new room');
    await say(page, 'only in rust');
    await shown(page, 'only in rust');
    bo.send('PRIVMSG #lobby :Anna: where are you?');
    const lobby = page.locator(`${byId('room-item')}[data-room="#lobby"]`);
    await until(async () => (await lobby.getAttribute('data-mentions')) === '1', 'a mention in the lobby');
    await until(async () => /^\(1\) /.test(await page.title()), 'the title');
    await lobby.click();
    await shown(page, 'where are you?');
    expect(await texts(page)).not.toContain('only in rust');
    await until(async () => (await lobby.getAttribute('data-mentions')) === '0', 'the mention to be read');
    expect(bo.lines.some((line) => line.includes('only in rust'))).toBe(false);

    await page.click(byId('browse-rooms'));
    await page.locator(`${byId('browse-item')}[data-room="#rust"]`).click();
    await until(async () => (await page.innerText(byId('room-title'))) === '#rust', 'the room from the list');
    await page.click(byId('leave-room'));
    await until(
      async () => (await page.locator(`${byId('room-item')}[data-room="#rust"]`).count()) === 0,
      'the room to be gone',
    );
  });

  it('mission_21 has talks with one person', async () => {
    const at = await server();
    const page = await browserOf();
    await enter(page, at.url, 'Anna');
    const bo = await irc(at, 'Bo');
    bo.send('PRIVMSG Anna :do you have a minute?');
    const item = page.locator(`${byId('room-item')}[data-room="Bo"]`);
    await item.waitFor();
    expect(await item.getAttribute('data-mentions')).toBe('1');
    await item.click();
    await shown(page, 'do you have a minute?');
    await say(page, 'for you, always');
    await bo.line(/PRIVMSG Bo :for you, always/);
  });

  it('mission_22 creates an account, keeps its name, and lets its owner in again', async () => {
    const at = await server();
    const page = await browserOf();
    await page.goto(at.url);
    await page.fill(byId('connect-name'), 'Anna');
    await page.locator(byId('connect-mode-register')).check({ force: true });
    await page.fill(byId('connect-password'), 'correct horse battery');
    await page.click(byId('connect-submit'));
    await page.waitForSelector(byId('composer'));
    await say(page, 'from my account');
    await shown(page, 'from my account');
    await say(page, '/quit');
    await page.waitForSelector(byId('connect-submit'));

    const thief = await browserOf();
    await thief.goto(at.url);
    await thief.fill(byId('connect-name'), 'Anna');
    await thief.click(byId('connect-submit'));
    await thief.waitForSelector(byId('connect-name-error'));
    await thief.locator(byId('connect-mode-login')).check({ force: true });
    await thief.fill(byId('connect-password'), 'wrong password');
    await thief.click(byId('connect-submit'));
    await thief.waitForSelector(byId('connect-password-error'));
    expect(await thief.innerText(byId('connect-password-error'))).toMatch(/do not match/);

    await thief.fill(byId('connect-password'), 'correct horse battery');
    await thief.click(byId('connect-submit'));
    await thief.waitForSelector(byId('composer'));
    expect(await thief.innerText(byId('self'))).toBe('Anna');
    await shown(thief, 'from my account');
  });
});
