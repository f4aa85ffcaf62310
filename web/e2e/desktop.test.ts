import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { byId, launch, person, problemsOf, say, until } from './support/browser';
import { FakeServer } from './support/fake-server';

/**
 * The interface inside the desktop program: the same pages, with the program's commands played by a script in the
 * page. What Rust does with them is tested there.
 */

interface Call {
  readonly command: string;
  readonly args: Readonly<Record<string, unknown>>;
}

let browser: Browser;
let server: FakeServer;
let page: Page;

/** Runs in the page before anything else: the program's side of the contract. */
function program(settings: Record<string, unknown>): void {
  const calls: Call[] = [];
  const callbacks = new Map<number, (payload: unknown) => void>();
  const listeners = new Map<string, number>();
  let next = 1;
  let index = 0;
  let channel = 0;
  const state = {
    calls,
    failure: undefined as unknown,
    emit: (_line: string): void => undefined,
    fire: (_event: string): void => undefined,
    close: (): void => undefined,
  };
  const deliver = (message: unknown): void => callbacks.get(channel)?.({ index: index++, message });
  state.emit = (line) => deliver({ type: 'line', line });
  state.close = () => deliver({ type: 'closed', reason: 'reset', message: 'connection reset' });
  state.fire = (event) => callbacks.get(listeners.get(event) ?? 0)?.({ event, id: 1, payload: {} });
  Object.assign(window, { program: state });
  Object.assign(window, {
    __TAURI_INTERNALS__: {
      transformCallback(callback: (payload: unknown) => void) {
        const id = next++;
        callbacks.set(id, callback);
        return id;
      },
      unregisterCallback: (id: number) => callbacks.delete(id),
      invoke(command: string, args: Record<string, unknown> = {}) {
        calls.push({ command, args: JSON.parse(JSON.stringify(args)) as Record<string, unknown> });
        switch (command) {
          case 'load_settings':
            return Promise.resolve(settings);
          case 'plugin:event|listen':
            listeners.set(String(args['event']), Number(args['handler']));
            return Promise.resolve(1);
          case 'open_connection': {
            if (state.failure !== undefined) return Promise.reject(state.failure as Error);
            channel = Number(/\d+/.exec(String((args['onEvent'] as { toJSON(): string }).toJSON()))?.[0]);
            index = 0;
            // Lines may come before the answer does.
            deliver({ type: 'line', line: ':srv NOTICE * :Looking up your host name' });
            return Promise.resolve(7);
          }
          case 'send_line': {
            const line = String(args['line']);
            if (line.startsWith('CAP LS')) state.emit('CAP * LS :message-tags echo-message');
            if (line.startsWith('CAP REQ')) state.emit('CAP * ACK :message-tags echo-message');
            if (line === 'CAP END')
              for (const each of [
                ':srv 001 Anna :Welcome',
                ':srv 422 Anna :no',
                ':Anna!a@h JOIN #lobby',
                ':srv 353 Anna = #lobby :Anna',
                ':srv 366 Anna #lobby :End',
              ])
                state.emit(each);
            return Promise.resolve();
          }
          default:
            return Promise.resolve();
        }
      },
    },
  });
}

const calls = async (name: string): Promise<Call['args'][]> =>
  (await page.evaluate(() => (window as unknown as { program: { calls: Call[] } }).program.calls))
    .filter(({ command }) => command === name)
    .map(({ args }) => args);

async function start(settings: Record<string, unknown> = {}): Promise<void> {
  await page.addInitScript(program, settings);
  await page.goto(server.url);
  await page.waitForSelector(byId('connect-host'));
}

beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
});
beforeEach(async () => {
  server = await new FakeServer().start();
  page = await person(browser);
});
afterEach(async () => {
  expect(problemsOf(page)).toEqual([]);
  await page.context().close();
  await server.stop();
});

it('starts with a form of host, port and name, as they were used last', async () => {
  await start({ host: 'chat.example', port: 6697, tls: true, name: 'Anna', language: 'it' });
  expect(await page.inputValue(byId('connect-host'))).toBe('chat.example');
  expect(await page.inputValue(byId('connect-port'))).toBe('6697');
  expect(await page.inputValue(byId('connect-name'))).toBe('Anna');
  expect(await page.isChecked(byId('connect-tls'))).toBe(true);
  expect(await page.innerText(byId('connect-submit'))).toBe('Connetti');
});

it('validates each field as the person types', async () => {
  await start();
  await page.fill(byId('connect-port'), '70000');
  expect(await page.innerText(byId('connect-port-error'))).toBe('Enter a number from 1 to 65535');
  await page.fill(byId('connect-port'), '6667');
  expect(await page.locator(byId('connect-port-error')).count()).toBe(0);
  await page.fill(byId('connect-host'), 'http://x');
  expect(await page.innerText(byId('connect-host-error'))).toMatch(/without spaces or http/);
  await page.fill(byId('connect-host'), '');
  await page.click(byId('connect-submit'));
  expect(await page.innerText(byId('connect-host-error'))).toMatch(/Enter the address/);
  expect(await page.evaluate(() => document.activeElement?.getAttribute('data-testid'))).toBe('connect-host');
  expect(await calls('open_connection')).toEqual([]);
});

it('carries lines both ways, and remembers the server', async () => {
  await start();
  await page.fill(byId('connect-host'), '::1');
  await page.fill(byId('connect-port'), '7000');
  await page.fill(byId('connect-name'), 'Anna');
  await page.press(byId('connect-name'), 'Enter');
  await page.waitForSelector(byId('composer'));
  expect(await calls('open_connection')).toMatchObject([{ host: '::1', port: 7000, tls: false }]);
  await say(page, 'hello');
  await until(
    async () =>
      (await calls('send_line')).some(
        ({ id, line }) => id === 7 && String(line).endsWith('PRIVMSG #lobby hello'),
      ),
    'the message',
  );
  const saved = await calls('save_settings');
  expect(saved[saved.length - 1]).toMatchObject({
    settings: { host: '::1', port: 7000, tls: false, name: 'Anna' },
  });
});

it('notices a connection that breaks, and tries again', async () => {
  await start();
  await page.fill(byId('connect-name'), 'Anna');
  await page.click(byId('connect-submit'));
  await page.waitForSelector(byId('composer'));
  await page.evaluate(() => {
    const { program } = window as unknown as { program: { close(): void; failure: unknown } };
    program.failure = { kind: 'refused', message: 'connection refused' };
    program.close();
  });
  await page.waitForSelector(`${byId('banner')}[data-kind="offline"]`);
  await until(async () => (await calls('open_connection')).length >= 2, 'another attempt');
  await page.evaluate(() =>
    Object.assign((window as unknown as { program: object }).program, { failure: undefined }),
  );
  await until(async () => (await page.innerText(byId('self-state'))) === 'online', 'to be back');
});

it('shows a certificate that is not trusted, and connects only when told to trust it', async () => {
  await start();
  await page.evaluate(() =>
    Object.assign((window as unknown as { program: object }).program, {
      failure: { kind: 'certificate', message: 'unknown issuer', fingerprint: 'AB:CD' },
    }),
  );
  await page.fill(byId('connect-name'), 'Anna');
  await page.click(byId('connect-submit'));
  await page.waitForSelector(byId('connect-error'));
  expect(await page.innerText(byId('connect-error'))).toMatch(/not trusted\. Nothing was sent\..*AB:CD/s);
  await page.waitForTimeout(2600);
  expect(await calls('open_connection')).toHaveLength(1);
  await page.evaluate(() =>
    Object.assign((window as unknown as { program: object }).program, { failure: undefined }),
  );
  await page.click(byId('connect-trust'));
  await page.waitForSelector(byId('composer'));
  expect((await calls('open_connection'))[1]).toMatchObject({ fingerprint: 'AB:CD' });
});

it('says good-bye when the window closes', async () => {
  await start();
  await page.fill(byId('connect-name'), 'Anna');
  await page.click(byId('connect-submit'));
  await page.waitForSelector(byId('composer'));
  await page.evaluate(() =>
    (window as unknown as { program: { fire(event: string): void } }).program.fire('window-closing'),
  );
  await until(async () => (await calls('ready_to_close')).length === 1, 'the answer');
  expect((await calls('send_line')).map(({ line }) => line)).toContain('QUIT');
});
