// Notifications with a real notification service (dunst) on a D-Bus session of its own.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { Desktop, Home, startScreen } from './lib/desktop.mjs';
import { Cleanup, until } from './lib/process.mjs';

const cleanup = new Cleanup();
after(() => cleanup.run());

test('a notification shows what was written, replaces the one before, reports a click, and goes when it is read', { timeout: 60_000 }, async () => {
  const display = await startScreen(cleanup);
  const home = await Home.create(cleanup);
  const daemon = cleanup.start('dbus-daemon', ['--session', '--nofork', '--print-address'], {
    env: home.environment(display),
  });
  const [bus] = await daemon.line(/^unix:.*/);
  const env = home.environment(display, bus);
  cleanup.start('dunst', [], { env });
  const dunst = async (...args) => (await promisify(execFile)('dunstctl', args, { env })).stdout;
  await until(() => dunst('count'), 'the notification service');
  const displayed = async () => Number(await dunst('count', 'displayed'));

  const desktop = await Desktop.start(cleanup, display, home, { bus });
  const invoke = (command, args) =>
    desktop.page.async('return window.__TAURI_INTERNALS__.invoke(arguments[0], arguments[1]) ?? null', command, args);
  await desktop.page.async(`
    const internals = window.__TAURI_INTERNALS__;
    window.activated = [];
    const handler = internals.transformCallback((event) => window.activated.push(event.payload.tag));
    await internals.invoke('plugin:event|listen', { event: 'notification-activated', target: { kind: 'Any' }, handler });`);

  await invoke('notify', { title: '#lobby', body: '<b>Anna</b>: ciao', tag: 'lobby' });
  await until(async () => (await displayed()) === 1, 'the first notification');
  await invoke('notify', { title: '#lobby', body: 'Bo: <i>2 & 3</i>', tag: 'lobby' });
  await invoke('notify', { title: 'Eva', body: 'sei lì?', tag: 'eva' });
  await until(async () => (await displayed()) === 2, 'a second notification beside the replaced one');

  await invoke('dismiss_notification', { tag: 'eva' });
  await until(async () => (await displayed()) === 1, 'the notification that was read to go');

  await dunst('action', '0');
  await until(() => desktop.page.script('return window.activated.length === 1'), 'the click');
  assert.deepEqual(await desktop.page.script('return window.activated'), ['lobby']);

  await dunst('close-all');
  const history = JSON.parse(await dunst('history')).data[0];
  const bodies = history.map((notification) => notification.body.data);
  assert.ok(bodies.includes('Bo: &lt;i&gt;2 &amp; 3&lt;/i&gt;'), bodies.join('\n'));
});
