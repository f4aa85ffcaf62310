// Saves pictures of the desktop program in use, as a person sees it:
//
//   node crates/salotto-desktop/e2e/screenshot.mjs FOLDER
//
// Needs what run.sh needs, and `import` of ImageMagick.

import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join as path } from 'node:path';
import { promisify } from 'node:util';
import { Desktop, Home, startScreen } from './lib/desktop.mjs';
import { join, serve } from './lib/irc.mjs';
import { Cleanup, until } from './lib/process.mjs';

const WIDTH = 1280;
const HEIGHT = 800;

const [folder = '.'] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const cleanup = new Cleanup();

/** Waits until nothing on the page is on its way any more. */
const painted = (page) =>
  page.async(`
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    await frame();
    const ending = document.getAnimations().filter((each) => each.effect.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map((each) => each.finished));
    await frame();
    await frame();`);

try {
  const display = await startScreen(cleanup, { width: WIDTH, height: HEIGHT });
  const picture = async (page, name) => {
    await painted(page);
    const file = path(folder, name);
    // The first frames of a new window are empty: what counts is what the screen shows.
    await until(async () => {
      await promisify(execFile)('import', ['-display', `:${display}`, '-window', 'root', file]);
      const { stdout } = await promisify(execFile)('identify', ['-format', '%k', file]);
      return Number(stdout) > 64;
    }, 'a picture with something in it');
    console.log(file);
  };

  const server = await serve(cleanup);
  const people = {};
  for (const nick of ['Bruno', 'Eva', 'Luca', 'Marta']) people[nick] = await join(cleanup, server.port, nick);
  people.Marta.send('JOIN #cinema', 'JOIN #ricette');
  await people.Marta.line(/:Marta\S* JOIN :?#ricette/);

  const desktop = await Desktop.start(cleanup, display, await Home.create(cleanup));
  const { page } = desktop;
  desktop.screen.resize(desktop.window, WIDTH, HEIGHT);
  await page.fill('connect-host', '127.0.0.1');
  await page.fill('connect-port', String(server.port));
  await page.fill('connect-name', 'Anna');
  await picture(page, 'desktop-connect.png');

  await page.click('connect-submit');
  await page.element('composer');
  await people.Bruno.line(/:Anna\S* JOIN /);
  for (const room of ['#cinema', '#ricette']) {
    await page.type('composer', `/join ${room}`, 'Enter');
    await people.Marta.line(new RegExp(`:Anna\\S* JOIN :?${room}`));
  }
  await page.text('room-item', /lobby/);
  await page.script(
    `[...document.querySelectorAll('[data-testid="room-item"]')].find((row) => /lobby/.test(row.textContent)).click()`,
  );
  await page.text('room-title', /lobby/);

  const say = async (nick, text) => {
    people[nick].send(`PRIVMSG #lobby :${text}`);
    await until(async () => (await page.texts('message-text')).some((shown) => shown.startsWith(text.slice(0, 12))), text);
  };
  await say('Bruno', 'Good morning everybody ☀️');
  await say('Eva', 'Buongiorno! Who is bringing the projector on Friday?');
  await page.type('composer', 'I have one. It only needs a longer cable.', 'Enter');
  await page.text('message-text', /longer cable/);
  await say('Luca', 'There is a 10 m HDMI in the office, I will pack it 👍');
  await say('Eva', 'Perfetto 🎬');
  await say('Eva', 'The list of films: https://example.org/films — vote until Thursday, please.');
  people.Marta.send('PRIVMSG #cinema :Restored print on Tuesday!', 'PRIVMSG #cinema :20:30, original version');
  await say('Bruno', 'Anna: can you book the room too?');
  await page.script(`
    const composer = document.querySelector('[data-testid="composer"]');
    composer.value = 'Done! 🛋️ See you at eight';
    composer.dispatchEvent(new InputEvent('input', { bubbles: true }));`);
  await picture(page, 'desktop-room.png');
} finally {
  await cleanup.run();
}
