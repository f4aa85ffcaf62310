// What a person does with the window, against the real server. Each title names the
// row of behaviour it shows.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Desktop, Home, startScreen } from './lib/desktop.mjs';
import { join, listen, record, serve } from './lib/irc.mjs';
import { Cleanup, freePort, until } from './lib/process.mjs';

const timeout = 90_000;
const whole = new Cleanup();
const each = new Cleanup();
let display;

before(async () => {
  display = await startScreen(whole);
});
afterEach(() => each.run());
after(() => whole.run());

async function start(home) {
  const desktop = await Desktop.start(each, display, home ?? (await Home.create(each)));
  await desktop.page.element('connect-name');
  return desktop;
}

async function fillIn({ page }, { host = '127.0.0.1', port, name }) {
  await page.fill('connect-host', host);
  await page.fill('connect-port', String(port));
  await page.fill('connect-name', name);
}

/** Fills in the form, connects, and waits for the room. */
async function signIn(desktop, port, name) {
  await fillIn(desktop, { port, name });
  await desktop.page.click('connect-submit');
  await desktop.page.element('composer');
  // The room is there once its members are.
  await until(() => desktop.page.script('return !document.querySelector(\'[data-testid="composer"]\').disabled'), 'the composer');
}

/** A server, somebody in its lobby with a bare connection, and Anna at her window. */
async function lobby({ home } = {}) {
  const server = await serve(each);
  const bruno = await join(each, server.port, 'Bruno');
  const desktop = await start(home);
  await signIn(desktop, server.port, 'Anna');
  await bruno.line(/^(?:@\S+ )?:Anna\S* JOIN /);
  return { server, bruno, desktop, page: desktop.page };
}

const said = (nick, text) => new RegExp(`:${nick}\\S* PRIVMSG #lobby :?${text}$`);

test('mission_03 the window has a message area, an input box and a Send button, and Return sends too', { timeout }, async () => {
  const { bruno, page } = await lobby();
  await page.element('timeline');
  await page.type('composer', 'buongiorno a tutti');
  await page.click('send');
  await bruno.line(said('Anna', 'buongiorno a tutti'));
  assert.equal(await page.value('composer'), '');

  await page.type('composer', 'come va?', 'Enter');
  await bruno.line(said('Anna', 'come va\\?'));

  bruno.send('PRIVMSG #lobby :benone! 👋🏽 👩‍👩‍👧');
  await page.text('message', /Bruno.*benone! 👋🏽 👩‍👩‍👧/u);
  assert.deepEqual(await page.texts('message-text'), ['buongiorno a tutti', 'come va?', 'benone! 👋🏽 👩‍👩‍👧']);
});

test('mission_04 the form asks for host, port and user name, and each says what is wrong as it is typed', { timeout }, async () => {
  const { page } = await start();
  const wrong = async (field, text) => {
    await page.fill(`connect-${field}`, text);
    await page.text(`connect-${field}-error`, /\S/);
  };
  const right = async (field, text) => {
    await page.fill(`connect-${field}`, text);
    await page.gone(`connect-${field}-error`);
  };
  await wrong('host', 'two words');
  await right('host', 'chat.example.org');
  await right('host', '::1');
  for (const port of ['70000', '0', 'abc', '-1']) await wrong('port', port);
  await right('port', '6667');
  for (const name of ['1anna', 'anna rossi', 'a:b']) await wrong('name', name);
  await right('name', 'Anna');

  // Nothing is connected with an empty field, and the first wrong one has the keyboard.
  await page.fill('connect-name', '');
  await page.click('connect-submit');
  await page.text('connect-name-error', /\S/);
  assert.equal(await page.focused(), 'connect-name');
});

test('mission_04 Return in the form connects', { timeout }, async () => {
  const server = await serve(each);
  const desktop = await start();
  await fillIn(desktop, { port: server.port, name: 'Anna' });
  await desktop.page.type('connect-name', 'Enter');
  await desktop.page.element('composer');
});

test('mission_08 the window tells who joins and who leaves', { timeout }, async () => {
  const { server, page } = await lobby();
  const eva = await join(each, server.port, 'Eva');
  await page.text('notice', /Eva/);
  const seen = (await page.texts('notice')).join('\n');
  eva.send('QUIT :a domani');
  await until(async () => (await page.texts('notice')).join('\n') !== seen, 'the notice of a leave');
});

test('mission_10 a name that is taken is asked for again', { timeout }, async () => {
  const server = await serve(each);
  const other = await join(each, server.port, 'Anna');
  const desktop = await start();
  const { page } = desktop;
  await fillIn(desktop, { port: server.port, name: 'Anna' });
  await page.click('connect-submit');
  await page.text('connect-name-error', /Anna/);
  assert.equal(await page.focused(), 'connect-name');

  await page.fill('connect-name', 'Annalisa');
  await page.click('connect-submit');
  await page.element('composer');
  await other.line(/:Annalisa\S* JOIN /);
});

test('mission_10 the second name goes over the same connection', { timeout }, async () => {
  const server = await listen(each);
  const desktop = await start();
  await fillIn(desktop, { port: server.port, name: 'Anna' });
  await desktop.page.click('connect-submit');
  const anna = await server.connection(0);
  await anna.line(/^CAP LS/);
  anna.send(':srv CAP * LS :');
  await anna.line(/^NICK :?Anna$/);
  anna.send(':srv 433 * Anna :This name is already in use');
  await desktop.page.text('connect-name-error', /\S/);
  await desktop.page.fill('connect-name', 'Annalisa');
  await desktop.page.click('connect-submit');
  await anna.line(/^NICK :?Annalisa$/);
});

test('mission_12 /quit leaves the room', { timeout }, async () => {
  const { bruno, page } = await lobby();
  await page.type('composer', '/quit buona notte', 'Enter');
  await bruno.line(/:Anna\S* QUIT :Quit: buona notte$/);
});

test('mission_13 closing the window leaves the room in good order', { timeout }, async () => {
  const { bruno, desktop, page } = await lobby();
  await page.type('composer', 'ultima parola', 'Enter');
  const took = await desktop.close();
  await bruno.line(said('Anna', 'ultima parola'));
  const quit = await bruno.line(/:Anna\S* QUIT/);
  assert.match(quit, /QUIT :Quit/);
  assert.ok(took < 2500, `${took} ms`);
});

test('mission_13 a signal to the program leaves the room in good order', { timeout }, async () => {
  const { bruno, desktop } = await lobby();
  desktop.signal('SIGTERM');
  await desktop.ended();
  assert.match(await bruno.line(/:Anna\S* QUIT/), /QUIT :Quit/);
});

test('mission_16 a server that closes is told apart and what was said stays', { timeout }, async () => {
  const { server, bruno, page } = await lobby();
  bruno.send('PRIVMSG #lobby :questo resta');
  await page.text('message-text', /questo resta/);
  await server.stop();
  await page.text('banner', /server has closed/i);
  assert.deepEqual(await page.texts('message-text'), ['questo resta']);
});

test('mission_17 a server that is not there yet is tried again without a restart', { timeout }, async () => {
  const port = await freePort();
  const desktop = await start();
  await fillIn(desktop, { port, name: 'Anna' });
  await desktop.page.click('connect-submit');
  await desktop.page.text('connect-error', /127\.0\.0\.1/);
  await serve(each, { port });
  await desktop.page.element('composer');
});

test('mission_18 after the server returns, what was typed meanwhile arrives once and what was missed is fetched', { timeout }, async () => {
  const { server, desktop, page } = await lobby();
  await server.stop();
  await page.text('banner', /\S/);
  await page.type('composer', 'scritto senza rete', 'Enter');
  await page.text('message-text', /scritto senza rete/);

  await serve(each, { port: server.port, data: server.data });
  const bruno = await join(each, server.port, 'Bruno');
  bruno.send('PRIVMSG #lobby :sono tornato');
  await page.text('message-text', /sono tornato/, 40_000);
  await bruno.line(said('Anna', 'scritto senza rete'));
  await desktop.close();
  await bruno.line(/:Anna\S* QUIT/);
  assert.equal(bruno.received.filter((line) => said('Anna', 'scritto senza rete').test(line)).length, 1);
});

test('mission_23 an unknown certificate is shown by its fingerprint, and trusted only when a person says so', { timeout }, async () => {
  const server = await serve(each, { tls: 0 });
  const bruno = await join(each, server.port, 'Bruno');
  const desktop = await start();
  const { page } = desktop;
  await fillIn(desktop, { port: server.tlsPort, name: 'Anna' });
  await page.click('connect-tls');
  await page.click('connect-submit');
  await page.text('connect-error', new RegExp(server.fingerprint));
  assert.equal(bruno.received.some((line) => /:Anna\S* JOIN/.test(line)), false);
  await page.click('connect-trust');
  await page.element('composer');
  await bruno.line(/:Anna\S* JOIN/);
});

test('a window that is left alone says nothing but its pings', { timeout }, async () => {
  const server = await serve(each);
  const wire = await record(each, server.port);
  const desktop = await start();
  // Wide enough for everything there is to show.
  desktop.screen.resize(desktop.window, 1280, 800);
  await signIn(desktop, wire.port, 'Anna');
  await until(() => wire.sent.length > 0 && wire.silence() > 500, 'the end of signing in');
  const before = wire.sent.length;
  await pause(3000);
  assert.deepEqual(wire.sent.slice(before).filter((line) => !line.startsWith('PING ')), []);
});

test('host, port and name are remembered by the next start', { timeout }, async () => {
  const home = await Home.create(each);
  const { server, desktop } = await lobby({ home });
  await desktop.close();
  const { page } = await start(home);
  assert.equal(await page.value('connect-host'), '127.0.0.1');
  assert.equal(await page.value('connect-port'), String(server.port));
  assert.equal(await page.value('connect-name'), 'Anna');
});

test('the language of the environment is the language of the window', { timeout }, async () => {
  const home = await Home.create(each);
  await home.speakItalian();
  const { page } = await start(home);
  assert.equal(await page.script('return document.documentElement.lang'), 'it');
  await page.text('connect-submit', /^Connetti$/);
});
