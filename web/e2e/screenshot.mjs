// Saves a picture of the web client in use, as a person sees it:
//
//   node web/e2e/screenshot.mjs FILE
//
// Needs `npm ci` in web/, a built server (target/debug/salotto, or $SALOTTO) and Debian's Chromium (or $CHROMIUM).

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../../', import.meta.url));
const [file = 'web.png'] = process.argv.slice(2);
const byId = (id) => `[data-testid="${id}"]`;

/** Starts a server of its own; gives the addresses that it prints. */
async function serve(data) {
  const binary = process.env.SALOTTO ?? join(root, 'target/debug/salotto');
  const options = ['serve', '--data', data, '--port', '0', '--web-port', '0', '--text-port', 'off'];
  const server = spawn(binary, options, { stdio: ['ignore', 'pipe', 'ignore'] });
  const found = {};
  for await (const line of createInterface({ input: server.stdout })) {
    const [, kind, address] = /^(irc|web) (\S+)/.exec(line) ?? [];
    if (kind && address.includes('127.0.0.1')) found[kind] = address;
    if (found.irc && found.web) break;
  }
  return { server, ...found };
}

/** Somebody in the lobby, by plain IRC. */
async function guest(address, nick) {
  const [host, port] = address.split(':');
  const socket = createConnection(Number(port), host);
  const lines = createInterface({ input: socket });
  socket.write(`NICK ${nick}\r\nUSER ${nick} 0 * :${nick}\r\n`);
  await new Promise((resolve) => lines.on('line', (line) => / 366 /.test(line) && resolve()));
  return {
    say: (room, text) => socket.write(`PRIVMSG ${room} :${text}\r\n`),
    send: (line) => socket.write(`${line}\r\n`),
    leave: () => socket.destroy(),
  };
}

await mkdir(dirname(file), { recursive: true });
const data = await mkdtemp(join(tmpdir(), 'salotto-'));
const { server, irc, web } = await serve(data);
const people = {};
let browser;
try {
  for (const nick of ['Bruno', 'Eva', 'Luca', 'Marta', 'Zoë']) people[nick] = await guest(irc, nick);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.goto(web);
  await page.fill(byId('connect-name'), 'Anna');
  await page.click(byId('connect-submit'));
  await page.waitForSelector(byId('composer'));

  const shown = (text) => page.waitForSelector(`${byId('message-text')} >> text=${text.slice(0, 14)}`);
  const say = async (nick, text) => {
    people[nick].say('#lobby', text);
    await shown(text);
  };
  const write = async (text) => {
    await page.fill(byId('composer'), text);
    await page.press(byId('composer'), 'Enter');
  };
  await write('/join #cinema');
  await page.waitForSelector(`${byId('room-item')}[data-room="#cinema"]`);
  await write('/join #ricette');
  await page.waitForSelector(`${byId('room-item')}[data-room="#ricette"]`);
  await page.click(`${byId('room-item')}[data-room="#lobby"]`);

  await say('Bruno', 'Good morning everybody ☀️');
  await say('Eva', 'Buongiorno! Who is bringing the projector on Friday?');
  await write('I have one. It only needs a longer cable.');
  await shown('I have one. It only');
  await say('Luca', 'There is a 10 m HDMI in the office, I will pack it 👍');
  await say('Eva', 'Perfetto 🎬');
  await say('Eva', 'The list of films: https://example.org/films — vote until Thursday, please.');
  people.Marta.send('JOIN #cinema');
  people.Marta.say('#cinema', 'Restored print on Tuesday, original version!');
  people.Luca.say('Anna', 'Do you still have my keys?');
  await page.waitForSelector(`${byId('room-item')}[data-room="Luca"]`);
  await say('Bruno', 'Anna: can you book the room too?');
  await page.fill(byId('composer'), 'Done! See you at eight');
  await page.screenshot({ path: file, animations: 'disabled' });
  console.log(file);
} finally {
  await browser?.close();
  for (const person of Object.values(people)) person.leave();
  server.kill('SIGTERM');
  await new Promise((resolve) => server.on('exit', resolve));
  await rm(data, { recursive: true, force: true });
}
