import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byId, enter, frames, launch, person, problemsOf, rest, say, texts, until } from './support/browser';
import { FakeServer } from './support/fake-server';

/**
 * How the interface behaves, against a scripted server: what is measured in pixels, what needs a server to misbehave,
 * and what a screen reader or a keyboard meets.
 */

let browser: Browser;
let server: FakeServer;
const pages: Page[] = [];

beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
});
beforeEach(async () => {
  server = await new FakeServer().start();
});
afterEach(async () => {
  for (const page of pages.splice(0)) {
    expect(problemsOf(page)).toEqual([]);
    await page.context().close();
  }
  await server.stop();
});

async function open(options: Parameters<typeof person>[1] = {}): Promise<Page> {
  const page = await person(browser, options);
  pages.push(page);
  return page;
}

const HOUR = 3_600_000;

/** Fills a room's past with messages of different heights; the last ends `ago` ms before now. */
function fill(count: number, ago = 0, room = '#lobby'): void {
  const start = Date.now() - ago - count * 20_000;
  for (let index = 0; index < count; index++) {
    const nick = `person${Math.floor(index / 3) % 7}`;
    server.past(
      room,
      nick,
      `message ${index} ${'word '.repeat((index * 7) % 40)}`.trim(),
      start + index * 20_000,
    );
  }
}

const view = byId('timeline');

/** Scrolls as a person does with the wheel, and lets the page come to rest. */
async function wheel(page: Page, by: number): Promise<void> {
  await page.hover(view);
  await page.mouse.wheel(0, by);
  await rest(page);
}

/** The last message in view, and how far from the view's lower edge it is, just after scrolling `by` so much. */
async function anchor(page: Page, by = 0): Promise<{ id: string; bottom: number }> {
  return page.evaluate((top) => {
    const timeline = document.querySelector('[data-testid="timeline"]');
    if (!timeline) throw new Error('no timeline');
    timeline.scrollBy({ top, behavior: 'instant' });
    const box = timeline.getBoundingClientRect();
    const rows = [...document.querySelectorAll('[data-testid="message"]')];
    const row = rows.findLast((each) => each.getBoundingClientRect().bottom <= box.bottom - 40);
    if (!row) throw new Error('no message in view');
    return {
      id: row.getAttribute('data-msgid') ?? '',
      bottom: box.bottom - row.getBoundingClientRect().bottom,
    };
  }, by);
}

async function bottomOf(page: Page, id: string): Promise<number> {
  return page.evaluate((msgid) => {
    const box = document.querySelector('[data-testid="timeline"]')?.getBoundingClientRect();
    const row = document.querySelector(`[data-msgid="${msgid}"]`)?.getBoundingClientRect();
    if (!box || !row) throw new Error('the anchor is gone');
    return box.bottom - row.bottom;
  }, id);
}

const distanceToEnd = (page: Page): Promise<number> =>
  page.locator(view).evaluate((element) => element.scrollHeight - element.clientHeight - element.scrollTop);

describe('scrolling', () => {
  it('appends 500 messages while reading further up without moving a pixel', async () => {
    fill(120);
    const page = await open();
    await enter(page, server.url, 'Anna');
    await until(() => page.locator(byId('message')).count(), 'history');
    await wheel(page, -900);
    const before = await anchor(page);
    for (let index = 0; index < 500; index++) server.say('#lobby', 'ferris', `live ${index}`);
    await until(
      async () => /500/.test(await page.locator(byId('jump-latest')).innerText()),
      'the count of what is new',
    );
    expect(Math.abs((await bottomOf(page, before.id)) - before.bottom)).toBeLessThanOrEqual(0.5);
  });

  it('loads older pages without moving what is read', async () => {
    fill(600);
    const page = await open();
    await enter(page, server.url, 'Anna');
    await until(() => page.locator(byId('message')).count(), 'history');
    const pagesAsked = (): number =>
      server.received.filter((line) => line.includes('CHATHISTORY BEFORE')).length;
    let drift = 0;
    for (let turn = 0; turn < 12; turn++) {
      const asked = pagesAsked();
      // In one step, so that no older page comes in between.
      const before = await anchor(page, -1600);
      await rest(page);
      if (pagesAsked() > asked)
        drift = Math.max(drift, Math.abs((await bottomOf(page, before.id)) - before.bottom));
    }
    expect(pagesAsked()).toBeGreaterThan(3);
    expect(drift).toBeLessThanOrEqual(1);
  });

  it('holds its place when something above grows', async () => {
    fill(80);
    const page = await open();
    await enter(page, server.url, 'Anna');
    await until(() => page.locator(byId('message')).count(), 'history');
    await wheel(page, -600);
    const before = await anchor(page);
    await page.evaluate(() => {
      const rows = document.querySelectorAll<HTMLElement>('[data-testid="message"]');
      rows[2]?.style.setProperty('padding-bottom', '240px');
    });
    await rest(page);
    expect(Math.abs((await bottomOf(page, before.id)) - before.bottom)).toBeLessThanOrEqual(1);
  });

  it('keeps the same message in view from 360 to 1440 px and back', async () => {
    fill(120);
    const page = await open({ width: 1440, height: 900 });
    await enter(page, server.url, 'Anna');
    await until(() => page.locator(byId('message')).count(), 'history');
    await wheel(page, -1500);
    const before = await anchor(page);
    for (const width of [360, 1440, 700]) {
      await page.setViewportSize({ width, height: 800 });
      await rest(page);
      const bottom = await bottomOf(page, before.id);
      expect(bottom).toBeGreaterThanOrEqual(-1);
      expect(bottom).toBeLessThan(800);
    }
  });

  it('stays at the end when a keyboard takes half the window', async () => {
    fill(60);
    const page = await open({ width: 360, height: 740 });
    await enter(page, server.url, 'Anna');
    await until(() => page.locator(byId('message')).count(), 'history');
    await page.setViewportSize({ width: 360, height: 380 });
    await rest(page);
    expect(await distanceToEnd(page)).toBeLessThanOrEqual(1);
    server.say('#lobby', 'ferris', 'and new messages are followed');
    await until(async () => (await texts(page)).includes('and new messages are followed'), 'the message');
    expect(await distanceToEnd(page)).toBeLessThanOrEqual(1);
  });

  it('returns to where a room was left', async () => {
    fill(120);
    server.members.set('#rust', ['ferris']);
    const page = await open();
    await enter(page, server.url, 'Anna');
    await until(() => page.locator(byId('message')).count(), 'history');
    await say(page, '/join #rust');
    await until(async () => (await page.innerText(byId('room-title'))) === '#rust', '#rust');
    await page.click(`${byId('room-item')}[data-room="#lobby"]`);
    await wheel(page, -1200);
    const before = await anchor(page);
    await page.click(`${byId('room-item')}[data-room="#rust"]`);
    await page.click(`${byId('room-item')}[data-room="#lobby"]`);
    await rest(page);
    expect(Math.abs((await bottomOf(page, before.id)) - before.bottom)).toBeLessThanOrEqual(1);
  });

  it('keeps 150 rows of ten thousand in the document, and reaches the first', async () => {
    fill(2000);
    const page = await open();
    await enter(page, server.url, 'Anna');
    await until(() => page.locator(byId('message')).count(), 'history');
    let most = 0;
    await page.hover(view);
    for (let turn = 0; turn < 60; turn++) {
      await page.mouse.wheel(0, -3000);
      await frames(page, 2);
      most = Math.max(most, await page.locator('[data-key]').count());
    }
    expect(most).toBeLessThanOrEqual(150);
    await page.click(byId('jump-latest'));
    await until(
      async () => (await texts(page)).some((text) => text.startsWith('message 1999')),
      'the newest message',
    );
    expect(await distanceToEnd(page)).toBeLessThanOrEqual(1);
  });

  it('lands at the first unread message, a third from the top', async () => {
    fill(40, HOUR);
    server.members.set('#rust', ['ferris']);
    const page = await open();
    await enter(page, server.url, 'Anna');
    await until(() => page.locator(byId('message')).count(), 'history');
    await say(page, '/join #rust');
    await until(async () => (await page.innerText(byId('room-title'))) === '#rust', '#rust');
    for (let index = 0; index < 60; index++)
      server.say('#lobby', 'ferris', `news ${index}`, Date.now() + index);
    const lobby = page.locator(`${byId('room-item')}[data-room="#lobby"]`);
    await until(async () => (await lobby.getAttribute('data-unread')) === '60', 'the unread mark');
    await lobby.click();
    const line = page.locator(byId('unread-line'));
    await line.waitFor();
    await rest(page);
    const share = await page.evaluate(() => {
      const box = document.querySelector('[data-testid="timeline"]')?.getBoundingClientRect();
      const row = document.querySelector('[data-testid="unread-line"]')?.getBoundingClientRect();
      return box && row ? (row.top - box.top) / box.height : 0;
    });
    expect(share).toBeGreaterThan(0.25);
    expect(share).toBeLessThan(0.4);
    expect(await texts(page)).toContain('news 0');
    // Only what has been on the screen is read.
    const left = Number(await lobby.getAttribute('data-unread'));
    expect(left).toBeGreaterThan(0);
    await page.keyboard.press('Escape');
    await until(async () => (await lobby.getAttribute('data-unread')) === '0', 'everything to be read');
    expect(await distanceToEnd(page)).toBeLessThanOrEqual(1);
  });
});

describe('sending', () => {
  it('shows a message at once, and as sent when the server has it', async () => {
    const page = await open();
    await enter(page, server.url, 'Anna');
    server.script.mute = true;
    await say(page, 'patience');
    expect(await page.locator(`${byId('message')}[data-state="queued"]`).count()).toBe(1);
    await page.locator(byId('pending')).waitFor();
  });

  it('says why a message was not sent, and offers to retry, edit or delete it', async () => {
    server.script.refuse.set('rude', 'Be kind');
    const page = await open();
    await enter(page, server.url, 'Anna');
    await say(page, 'rude');
    const failed = page.locator(`${byId('message')}[data-state="failed"]`);
    await failed.waitFor();
    expect(await failed.innerText()).toContain('Not sent: Be kind');
    await failed.locator(byId('edit')).click();
    expect(await page.inputValue(byId('composer'))).toBe('rude');
    expect(await failed.count()).toBe(0);
    await page.press(byId('composer'), 'Enter');
    await failed.waitFor();
    server.script.refuse.clear();
    await failed.locator(byId('retry')).click();
    await page.locator(`${byId('message')}[data-state="sent"]`, { hasText: 'rude' }).waitFor();
  });

  it('does not show twice what was received but never confirmed', async () => {
    const page = await open();
    await enter(page, server.url, 'Anna');
    await say(page, 'first');
    await page.locator(`${byId('message')}[data-state="sent"]`).waitFor();
    server.script.mute = true;
    await say(page, 'was it received?');
    await until(
      () => server.history.some((post) => post.text === 'was it received?'),
      'the server to have it',
    );
    server.script.mute = false;
    server.cut();
    await page.locator(`${byId('message')}[data-state="sent"]`, { hasText: 'was it received?' }).waitFor();
    await page.waitForTimeout(500);
    expect((await texts(page)).filter((text) => text === 'was it received?')).toHaveLength(1);
    expect(server.history.filter((post) => post.text === 'was it received?')).toHaveLength(1);
  });

  it('splits a long text at word ends and asks before sending many pasted lines', async () => {
    const page = await open();
    await enter(page, server.url, 'Anna');
    const words = Array.from({ length: 150 }, (_, index) => `word${index}`);
    await page.fill(byId('composer'), words.join(' '));
    expect(await page.innerText(byId('parts'))).toMatch(/\d messages/);
    await page.press(byId('composer'), 'Enter');
    await until(() => server.history.length >= 3, 'the parts');
    expect(server.history.map((post) => post.text).join(' ')).toBe(words.join(' '));
    const count = server.history.length;

    await page.evaluate(() => {
      const data = new DataTransfer();
      data.setData('text/plain', 'one\ntwo\nthree');
      document
        .querySelector('[data-testid="composer"]')
        ?.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));
    });
    await page.fill(byId('composer'), 'one\ntwo\nthree');
    await page.press(byId('composer'), 'Enter');
    expect(await page.innerText(byId('paste-ask'))).toContain('3 messages');
    expect(server.history).toHaveLength(count);
    await page.click(byId('paste-send'));
    await until(() => server.history.length === count + 3, 'three messages');
  });

  it('never sends while a word is being composed', async () => {
    const page = await open();
    await enter(page, server.url, 'Anna');
    await page.fill(byId('composer'), 'にほ');
    await page.evaluate(() => {
      document
        .querySelector('[data-testid="composer"]')
        ?.dispatchEvent(
          new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }),
        );
    });
    await page.waitForTimeout(100);
    expect(await page.inputValue(byId('composer'))).toBe('にほ');
    expect(server.history).toHaveLength(0);
  });

  it('completes names with Tab, and takes the completion back with Escape', async () => {
    server.members.set('#lobby', ['luca', 'lucia', 'marta']);
    const page = await open();
    await enter(page, server.url, 'Anna');
    server.say('#lobby', 'lucia', 'I spoke last');
    await page.locator(byId('message')).waitFor();
    await page.type(byId('composer'), 'lu');
    await page.keyboard.press('Tab');
    expect(await page.inputValue(byId('composer'))).toBe('lucia: ');
    await page.keyboard.press('Tab');
    expect(await page.inputValue(byId('composer'))).toBe('luca: ');
    await page.keyboard.press('Escape');
    expect(await page.inputValue(byId('composer'))).toBe('lu');
  });

  it('walks through what was sent with Ctrl and the arrows, and keeps drafts by room', async () => {
    server.members.set('#rust', ['ferris']);
    const page = await open();
    await enter(page, server.url, 'Anna');
    await say(page, 'one');
    await say(page, 'two');
    await page.fill(byId('composer'), 'three, unfinished');
    await page.keyboard.press('Control+ArrowUp');
    expect(await page.inputValue(byId('composer'))).toBe('two');
    await page.keyboard.press('Control+ArrowUp');
    await page.keyboard.press('Control+ArrowDown');
    await page.keyboard.press('Control+ArrowDown');
    expect(await page.inputValue(byId('composer'))).toBe('three, unfinished');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('#rust');
    await page.keyboard.press('Enter');
    await until(async () => (await page.innerText(byId('room-title'))) === '#rust', '#rust');
    expect(await page.inputValue(byId('composer'))).toBe('');
    await page.keyboard.press('Alt+ArrowUp');
    await until(async () => (await page.inputValue(byId('composer'))) === 'three, unfinished', 'the draft');
  });
});

describe('catching up', () => {
  it('marks what is missing and loads it', async () => {
    const page = await open();
    await enter(page, server.url, 'Anna');
    server.say('#lobby', 'ferris', 'before', Date.now() - HOUR);
    await page.locator(byId('message')).waitFor();
    const { port } = server;
    await server.stop();
    for (let index = 0; index < 150; index++)
      server.past('#lobby', 'ferris', `missed ${index}`, Date.now() - (150 - index));
    await server.start(port);
    await until(async () => (await texts(page)).includes('missed 149'), 'what was said last', 15_000);
    await until(async () => {
      await wheel(page, -600);
      return (await page.locator(byId('gap')).count()) === 1;
    }, 'the gap');
    expect(await texts(page)).toContain('missed 50');
    expect(await texts(page)).not.toContain('missed 49');
    await page.click(byId('gap-load'));
    await page.locator(byId('gap')).waitFor({ state: 'detached' });
    await until(async () => (await texts(page)).includes('missed 49'), 'the missing messages');
  });
});

describe('for everybody', () => {
  it('has no serious accessibility fault in any state, light or dark, narrow or wide', async () => {
    server.members.set('#lobby', ['@Marta', '+Luca', 'sam']);
    server.topics.set('#lobby', 'Topic with a link https://example.org');
    fill(30);
    server.script.refuse.set('rude', 'Be kind');
    for (const scheme of ['light', 'dark'] as const) {
      for (const width of [360, 1440]) {
        const page = await open({ width, height: 800, scheme });
        const check = async (where: string): Promise<void> => {
          await page.evaluate(axe.source);
          const { violations } = (await page.evaluate(
            'axe.run(document, { resultTypes: ["violations"] })',
          )) as axe.AxeResults;
          const grave = violations
            .filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, nodes }) => `${where} ${scheme} ${width}: ${id} ${nodes[0]?.html ?? ''}`);
          expect(grave).toEqual([]);
        };
        await page.goto(server.url);
        await check('form');
        await page.fill(byId('connect-name'), '2x');
        await page.locator(byId('connect-mode-register')).check({ force: true });
        await page.click(byId('connect-submit'));
        await check('form with errors');
        await page.locator(byId('connect-mode-guest')).check({ force: true });
        await page.fill(byId('connect-name'), 'Anna');
        await page.click(byId('connect-submit'));
        await page.waitForSelector(byId('composer'));
        await until(() => page.locator(byId('message')).count(), 'history');
        server.say('#lobby', 'sam', 'Anna: look at https://example.org and `code`');
        await say(page, 'rude');
        await page.locator(`${byId('message')}[data-state="failed"]`).waitFor();
        await check('room');
        await page.keyboard.press('Control+k');
        await check('switcher');
        await page.keyboard.press('Escape');
        await page.keyboard.press('Control+/');
        await check('shortcuts');
        await page.keyboard.press('Escape');
        await page.fill(byId('composer'), '/');
        await check('commands');
        await page.fill(byId('composer'), '');
        if (width < 600) {
          await page.click(byId('members-toggle'));
          await check('members');
          await page.goBack();
          await page.click(byId('back'));
        }
        await page.click(byId('menu'));
        await check('menu');
        await page.keyboard.press('Escape');
        await page.click(byId('join-room'));
        await check('join');
        await page.keyboard.press('Escape');
        await page.click(byId('browse-rooms'));
        await check('browse');
        await page.keyboard.press('Escape');
        await page.context().close();
        pages.splice(pages.indexOf(page), 1);
      }
    }
  }, 120_000);

  it('announces new messages of the open room once, bursts as a number, and no history', async () => {
    fill(20);
    const page = await open();
    await page.addInitScript(() => {
      const heard: string[] = [];
      Object.assign(window, { heard });
      new MutationObserver(() => {
        const text = document.querySelector('[data-testid="announcer"]')?.textContent?.trim() ?? '';
        if (text !== '' && heard.at(-1) !== text) heard.push(text);
      }).observe(document, { subtree: true, childList: true, characterData: true });
    });
    await enter(page, server.url, 'Anna');
    await until(() => page.locator(byId('message')).count(), 'history');
    const heard = (): Promise<string[]> =>
      page.evaluate(() => (window as unknown as { heard: string[] }).heard);
    server.say('#lobby', 'sam', 'hello there');
    await until(async () => (await heard()).includes('sam: hello there'), 'the announcement');
    await page.waitForTimeout(2100);
    for (let index = 0; index < 8; index++) server.say('#lobby', `p${index % 2}`, `burst ${index}`);
    await until(
      async () => (await heard()).some((text) => /5 new messages from 2 people/.test(text)),
      'the burst as a number',
    );
    expect((await heard()).filter((text) => text.includes('message 1'))).toEqual([]);
    expect((await heard()).filter((text) => text.includes('hello there'))).toHaveLength(1);
  });

  it('goes through the messages with the arrows and through the window with F6', async () => {
    fill(20);
    const page = await open();
    await enter(page, server.url, 'Anna');
    await until(async () => (await page.locator(byId('message')).count()) >= 20, 'history');
    const focused = (): Promise<string> =>
      page.evaluate(
        () => document.activeElement?.closest('[data-region]')?.getAttribute('data-region') ?? '',
      );
    const label = (): Promise<string> =>
      page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
    expect(await focused()).toBe('composer');
    const round: string[] = [];
    for (let turn = 0; turn < 4; turn++) {
      await page.keyboard.press('F6');
      round.push(await focused());
    }
    expect(round).toEqual(['rooms', 'header', 'timeline', 'composer']);
    await page.keyboard.press('Shift+F6');
    for (let turn = 0; turn < 4; turn++) await page.keyboard.press('ArrowUp');
    expect(await label()).toMatch(/^person\d, \d\d:\d\d, message \d+/);
    const one = await label();
    await page.keyboard.press('ArrowDown');
    expect(await label()).not.toBe(one);
    await page.keyboard.press('r');
    expect(await page.inputValue(byId('composer'))).toMatch(/^person\d: $/);
    expect(await focused()).toBe('composer');
  });

  it('speaks Italian when told to, at once and from then on', async () => {
    const page = await open();
    await page.goto(server.url);
    await page.selectOption(byId('language'), 'it');
    expect(await page.innerText(byId('connect-submit'))).toBe('Connetti');
    expect(await page.getAttribute('html', 'lang')).toBe('it');
    await page.fill(byId('connect-name'), '2x');
    expect(await page.innerText(byId('connect-name-error'))).toBe(
      'Solo lettere, cifre, - e _; non può iniziare con una cifra',
    );
    await page.reload();
    expect(await page.innerText(byId('connect-submit'))).toBe('Connetti');
    await page.fill(byId('connect-name'), 'Anna');
    await page.click(byId('connect-submit'));
    await page.waitForSelector(byId('composer'));
    server.tell(':Bo!bo@salotto.chat JOIN #lobby * :Bo');
    server.tell(':Bo!bo@salotto.chat QUIT :Connection lost: ping timeout');
    await until(
      async () =>
        (await page.locator(byId('notice')).allInnerTexts()).some((text) =>
          text.includes('Bo lascia la stanza: connessione persa (nessuna risposta)'),
        ),
      'the notice in Italian',
    );
  });

  it('changes its theme and remembers it', async () => {
    const page = await open({ scheme: 'light' });
    await page.goto(server.url);
    const canvas = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await canvas()).toBe('rgb(255, 255, 255)');
    await page.selectOption(byId('theme'), 'dark');
    expect(await canvas()).toBe('rgb(20, 23, 29)');
    await page.reload();
    expect(await canvas()).toBe('rgb(20, 23, 29)');
  });

  it('asks nothing of anybody but its own server', async () => {
    const page = await open();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).origin));
    await enter(page, server.url, 'Anna');
    server.say('#lobby', 'sam', 'https://example.org/picture.png <img src="https://evil.example/x.png">');
    await page.locator(byId('message')).waitFor();
    await page.waitForTimeout(200);
    expect([...new Set(asked)]).toEqual([server.url]);
    expect(await page.locator('img').count()).toBe(0);
    const link = page.locator(`${byId('message-text')} a`).first();
    expect(await link.getAttribute('rel')).toContain('noopener');
    expect(await link.getAttribute('href')).toBe('https://example.org/picture.png');
  });

  it('goes back from a room to the list on a narrow window', async () => {
    const page = await open({ width: 360, height: 700 });
    await enter(page, server.url, 'Anna');
    expect(await page.locator(byId('room-list')).isVisible()).toBe(false);
    await page.goBack();
    await page.locator(byId('room-list')).waitFor({ state: 'visible' });
    await page.click(`${byId('room-item')}[data-room="#lobby"]`);
    await page.locator(byId('composer')).waitFor({ state: 'visible' });
  });

  it('shows who is typing, and tells others', async () => {
    const page = await open();
    await enter(page, server.url, 'Anna');
    for (const line of [
      '@+typing=active :Luca!l@salotto.chat TAGMSG #lobby',
      '@+typing=active :Marta!m@salotto.chat TAGMSG #lobby',
    ])
      server.raw(line);
    await until(
      async () => (await page.innerText(byId('typing'))) === 'Luca and Marta are typing',
      'who is typing',
    );
    server.say('#lobby', 'Luca', 'done');
    await until(
      async () => (await page.innerText(byId('typing'))) === 'Marta is typing',
      'Luca to have stopped',
    );
    await page.type(byId('composer'), 'hello');
    await until(
      () => server.received.some((line) => line === '@+typing=active TAGMSG #lobby'),
      'our own typing',
    );
  });
});
