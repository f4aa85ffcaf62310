// What the window promises its page, whatever the page looks like: connections,
// settings, links, and a way out in good order. The page is driven by script and the
// server is a listener that writes down what it is sent.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Desktop, Home, startScreen } from './lib/desktop.mjs';
import { listen } from './lib/irc.mjs';
import { Cleanup, freePort, until } from './lib/process.mjs';

const timeout = 60_000;
const whole = new Cleanup();
const each = new Cleanup();
let display;

before(async () => {
  display = await startScreen(whole);
});
afterEach(() => each.run());
after(() => whole.run());

/** Starts the program in a new home, or in one that has been used before. */
async function start(home) {
  home ??= await Home.create(each);
  return Desktop.start(each, display, home);
}

const invoke = (desktop, command, args = {}) =>
  desktop.page.async('return window.__TAURI_INTERNALS__.invoke(arguments[0], arguments[1]) ?? null', command, args);

/** Opens a connection; its events gather in `window.events` of the page. */
const open = (desktop, port, { host = '127.0.0.1', tls = false, ...rest } = {}) =>
  desktop.page.async(
    `const internals = window.__TAURI_INTERNALS__;
     window.events ??= [];
     const waiting = new Map();
     let next = 0;
     const channel = internals.transformCallback((raw) => {
       waiting.set(raw.index, raw);
       while (waiting.has(next)) {
         const { message } = waiting.get(next);
         waiting.delete(next);
         next += 1;
         if (message) window.events.push(message);
       }
     });
     return internals.invoke('open_connection', { ...arguments[0], onEvent: '__CHANNEL__:' + channel });`,
    { host, port, tls, ...rest },
  );

const events = (desktop) => desktop.page.script('return window.events ?? []');

test('a connection carries lines both ways and says how it ended', { timeout }, async () => {
  const server = await listen(each);
  const desktop = await start();
  const id = await open(desktop, server.port);
  const anna = await server.connection(0);
  await invoke(desktop, 'send_line', { id, line: 'NICK Anna' });
  await anna.line(/^NICK Anna$/);
  anna.send(':srv 001 Anna :Perché no? 👋', 'ERROR :The server has closed: maintenance');
  anna.socket.end();
  const told = await until(async () => {
    const seen = await events(desktop);
    return seen.length === 3 && seen;
  }, 'three events');
  assert.deepEqual(told, [
    { type: 'line', line: ':srv 001 Anna :Perché no? 👋' },
    { type: 'line', line: 'ERROR :The server has closed: maintenance' },
    { type: 'closed', reason: 'eof', message: 'closed by the server' },
  ]);
});

test('lines sent without waiting keep their order', { timeout }, async () => {
  const server = await listen(each);
  const desktop = await start();
  const id = await open(desktop, server.port);
  const anna = await server.connection(0);
  await desktop.page.script(
    `for (let number = 0; number < 1000; number += 1)
       window.__TAURI_INTERNALS__.invoke('send_line', { id: arguments[0], line: 'PRIVMSG #lobby :' + number });`,
    id,
  );
  await until(() => anna.received.length === 1000, 'all lines');
  assert.deepEqual(anna.received, Array.from({ length: 1000 }, (_, number) => `PRIVMSG #lobby :${number}`));
});

test('a long history arrives whole and in order', { timeout }, async () => {
  const server = await listen(each);
  const desktop = await start();
  await open(desktop, server.port);
  const anna = await server.connection(0);
  const lines = Array.from({ length: 5000 }, (_, number) => `:bo!b@h PRIVMSG #lobby :${number} ${'x'.repeat(200)}`);
  // One line above the size from which the window hands events over in another way.
  lines[2500] += 'y'.repeat(10_000);
  anna.send(...lines);
  await until(
    () => desktop.page.script('return window.events?.length >= arguments[0]', lines.length),
    'all lines',
    30_000,
  );
  const seen = await events(desktop);
  assert.deepEqual(seen.map((event) => event.line), lines);
});

test('a port where nobody listens is an error with its kind', { timeout }, async () => {
  const desktop = await start();
  await assert.rejects(open(desktop, await freePort()), { kind: 'refused' });
});

test('a line that hides another is refused', { timeout }, async () => {
  const server = await listen(each);
  const desktop = await start();
  const id = await open(desktop, server.port);
  const anna = await server.connection(0);
  await assert.rejects(invoke(desktop, 'send_line', { id, line: 'PRIVMSG #lobby :a\r\nQUIT' }), { kind: 'other' });
  await invoke(desktop, 'close_connection', { id });
  assert.deepEqual(anna.received, []);
});

test('settings are kept over a restart, and so is the size of the window', { timeout }, async () => {
  const home = await Home.create(each);
  const first = await start(home);
  const settings = { host: 'chat.example.org', port: 6697, tls: true, name: 'Anna', language: 'it', theme: 'dark' };
  await invoke(first, 'save_settings', { settings });
  first.screen.resize(first.window, 900, 600);
  await until(() => first.page.script('return window.innerWidth === 900'), 'the new size');
  await first.close();
  assert.deepEqual(await home.settings(), settings);

  const second = await start(home);
  const loaded = await invoke(second, 'load_settings');
  // The page itself may add what it wants to remember.
  assert.deepEqual({ ...loaded, ...settings }, loaded);
  assert.deepEqual(await second.screen.size(second.window), { width: 900, height: 600 });
});

test('mission_13 closing the window of a page that hangs still says QUIT', { timeout }, async () => {
  const server = await listen(each);
  const desktop = await start();
  const id = await open(desktop, server.port);
  const anna = await server.connection(0);
  desktop.page
    .script(
      `window.__TAURI_INTERNALS__.invoke('send_line', { id: arguments[0], line: 'PING :last' }).then(() => { for (;;); })`,
      id,
    )
    .catch(() => undefined); // a page that hangs answers nobody
  await anna.line(/^PING :last$/);
  anna.socket.on('end', () => anna.socket.end());
  const took = await desktop.close();
  assert.equal(anna.received.at(-1), 'QUIT');
  assert.equal(anna.error, undefined, 'not a reset');
  assert.ok(took < 4000, `${took} ms`);
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`mission_13 ${signal} says QUIT before the program ends`, { timeout }, async () => {
    const server = await listen(each);
    const desktop = await start();
    await open(desktop, server.port);
    const anna = await server.connection(0);
    anna.socket.on('end', () => anna.socket.end());
    desktop.signal(signal);
    await desktop.ended();
    assert.match(anna.received.at(-1), /^QUIT/);
    assert.equal(anna.error, undefined, 'not a reset');
  });
}

test('the page is asked for its last words and they are waited for', { timeout }, async () => {
  const server = await listen(each);
  const desktop = await start();
  const id = await open(desktop, server.port);
  const anna = await server.connection(0);
  await desktop.page.async(
    `const internals = window.__TAURI_INTERNALS__;
     const handler = internals.transformCallback(() => {
       internals.invoke('send_line', { id: arguments[0], line: 'QUIT :buona notte' });
       internals.invoke('close_connection', { id: arguments[0] });
       internals.invoke('ready_to_close');
     });
     await internals.invoke('plugin:event|listen', { event: 'window-closing', target: { kind: 'Any' }, handler });`,
    id,
  );
  anna.socket.on('end', () => anna.socket.end());
  await desktop.close();
  assert.deepEqual(anna.received, ['QUIT :buona notte']);
});

test('a page that is loaded again leaves no connection behind', { timeout }, async () => {
  const server = await listen(each);
  const desktop = await start();
  await open(desktop, server.port);
  const anna = await server.connection(0);
  await desktop.page.script('location.reload()');
  await until(() => anna.ended, 'the end of the connection');
});

test('links open in the browser and not in the window', { timeout }, async () => {
  const home = await Home.create(each);
  const browser = await home.browser();
  const desktop = await start(home);
  const click = async (href, target = '') => {
    await desktop.page.script(
      `document.querySelector('[data-testid="a-link"]')?.remove();
       const link = document.createElement('a');
       Object.assign(link, { href: arguments[0], target: arguments[1], textContent: 'a link' });
       link.dataset.testid = 'a-link';
       Object.assign(link.style, { position: 'fixed', top: 0, left: 0, zIndex: 9999, padding: '2em' });
       document.body.append(link);`,
      href,
      target,
    );
    // A click by script would not count as a person's, and open no new window.
    await desktop.page.click('a-link');
  };
  await click('https://example.org/same');
  await until(async () => (await browser.opened()).length === 1, 'the first link');
  await click('https://example.org/new', '_blank');
  await until(async () => (await browser.opened()).length === 2, 'the second link');
  await click('file:///etc/passwd');
  await click('https://example.org/last');
  await until(async () => (await browser.opened()).length === 3, 'the last link');
  assert.deepEqual(await browser.opened(), [
    'https://example.org/same',
    'https://example.org/new',
    'https://example.org/last',
  ]);
  assert.equal(await desktop.page.script('return location.hostname'), 'localhost');
});

test('a system without notifications does no harm', { timeout }, async () => {
  const desktop = await start();
  for (let number = 0; number < 40; number += 1) {
    await invoke(desktop, 'notify', { title: '#lobby', body: '<b>Anna</b>: hello', tag: `room-${number}` });
  }
  assert.ok(await desktop.running());
});

test('the page may load nothing from elsewhere and run no text as script', { timeout }, async () => {
  const desktop = await start();
  const violations = await desktop.page.async(`
    const seen = [];
    document.addEventListener('securitypolicyviolation', (event) => seen.push(event.effectiveDirective));
    const image = new Image();
    const loaded = new Promise((resolve) => { image.onload = image.onerror = resolve; });
    image.src = 'http://127.0.0.1:9/pixel.png';
    await loaded;
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.head.append(script);
    await fetch('http://127.0.0.1:9/').catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 0));
    return { seen, ran: window.ran === true };`);
  assert.equal(violations.ran, false);
  assert.deepEqual(violations.seen.sort(), ['connect-src', 'img-src', 'script-src-elem']);
});

test('the title of the page is the title of the window', { timeout }, async () => {
  const desktop = await start();
  await desktop.page.script('document.title = "(3) #lobby · Salotto"');
  await until(async () => (await desktop.screen.title(desktop.window)) === '(3) #lobby · Salotto', 'the title');
});
