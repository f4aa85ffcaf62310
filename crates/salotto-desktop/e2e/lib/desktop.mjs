// The real desktop program on a screen of its own, driven from outside.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, until } from './process.mjs';
import { Session } from './webdriver.mjs';
import { X11 } from './x11.mjs';

const repository = resolve(fileURLToPath(import.meta.url), '../../../../..');
const targetFolder = resolve(repository, process.env.CARGO_TARGET_DIR ?? 'target', 'debug');

/** The desktop program; `SALOTTO_DESKTOP` names another one. */
export const desktopBinary = process.env.SALOTTO_DESKTOP ?? join(targetFolder, 'salotto-desktop');

/** The program with the server; `SALOTTO` names another one. */
export const serverBinary =
  process.env.SALOTTO ??
  [join(targetFolder, 'salotto'), join(repository, 'target/debug/salotto')].find((path) => existsSync(path)) ??
  'salotto';

/** An X screen nobody sees. */
export async function startScreen(cleanup, { width = 1280, height = 800 } = {}) {
  const args = ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp', '-noreset'];
  const xvfb = cleanup.start('Xvfb', args, { extra: 1 });
  let number = '';
  xvfb.process.stdio[3].setEncoding('utf8').on('data', (text) => (number += text));
  await until(() => {
    if (!xvfb.running) throw new Error(`Xvfb has ended: ${xvfb.err}`);
    return number.endsWith('\n');
  }, 'the screen');
  return number.trim();
}

/** A person's home: what the program remembers stays in it from one start to the next. */
export class Home {
  #locale = { LANG: 'C.UTF-8' };

  static async create(cleanup) {
    const home = new Home();
    home.path = await cleanup.folder();
    await mkdir(join(home.path, 'run'), { mode: 0o700 });
    await mkdir(join(home.path, 'bin'));
    return home;
  }

  /** The program's settings file, parsed. */
  async settings() {
    return JSON.parse(await readFile(join(this.path, 'config/chat.salotto.desktop/settings.json'), 'utf8'));
  }

  /** The links given to the browser, which here is a script that writes them down. */
  async browser() {
    const log = join(this.path, 'opened');
    const script = join(this.path, 'bin/xdg-open');
    await writeFile(script, `#!/bin/sh\nprintf '%s\\n' "$1" >> '${log}'\n`);
    await chmod(script, 0o755);
    return { opened: async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').filter(Boolean) };
  }

  /** Makes Italian the language of the environment, with a locale of its own: few machines have it installed. */
  async speakItalian() {
    const folder = join(this.path, 'locale');
    await mkdir(folder);
    const locale = join(folder, 'it_IT.UTF-8');
    await promisify(execFile)('localedef', ['--no-archive', '-i', 'it_IT', '-f', 'UTF-8', locale]);
    this.#locale = { LANG: 'it_IT.UTF-8', LOCPATH: folder };
  }

  /**
   * The environment of everything that runs in this home. Without a `bus` there is no
   * D-Bus session: neither notifications nor accessibility may be needed.
   */
  environment(display, bus = 'disabled:') {
    return {
      PATH: `${join(this.path, 'bin')}:${process.env.PATH}`,
      HOME: this.path,
      XDG_CONFIG_HOME: join(this.path, 'config'),
      XDG_DATA_HOME: join(this.path, 'data'),
      XDG_CACHE_HOME: join(this.path, 'cache'),
      XDG_RUNTIME_DIR: join(this.path, 'run'),
      DISPLAY: `:${display}`,
      GDK_BACKEND: 'x11',
      ...this.#locale,
      LIBGL_ALWAYS_SOFTWARE: '1',
      DBUS_SESSION_BUS_ADDRESS: bus,
      NO_AT_BRIDGE: '1',
      // Without it the web view refuses to be driven and the session never starts.
      TAURI_WEBVIEW_AUTOMATION: 'true',
    };
  }
}

/** One run of the program. */
export class Desktop {
  /** Starts the program and waits for its page. */
  static async start(cleanup, display, home, { bus } = {}) {
    const desktop = new Desktop();
    const port = await freePort();
    desktop.driver = cleanup.start('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], {
      env: home.environment(display, bus),
    });
    desktop.page = await Session.start(port, desktopBinary);
    desktop.pid = await until(() => childOf(desktop.driver.pid, 'salotto-desktop'), 'the program');
    desktop.screen = await X11.connect(display);
    cleanup.add(() => desktop.screen.close());
    desktop.window = await until(() => desktop.screen.windowOf(desktop.pid), 'the window');
    desktop.screen.focus(desktop.window);
    // The driver hands over a page that is still being loaded: what a test sets in it
    // now, its title for one, the page would set anew when it is there.
    await until(
      () => desktop.page.script('return document.getElementById("app")?.hasChildNodes() ?? false'),
      'the interface',
    );
    return desktop;
  }

  /** Closes the window as a person does and waits until the program has ended; returns the milliseconds that took. */
  async close() {
    const start = Date.now();
    await this.screen.requestClose(this.window);
    await this.ended();
    return Date.now() - start;
  }

  /** Sends the program a signal. */
  signal(name) {
    process.kill(this.pid, name);
  }

  /** Waits until the program has ended. */
  ended() {
    return until(async () => !(await isRunning(this.pid)), 'the program to end');
  }

  /** Whether the program is there. */
  running() {
    return isRunning(this.pid);
  }
}

async function stat(pid) {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1');
  const [, name, state, parent] = /^\d+ \((.*)\) (\S) (\d+)/s.exec(text);
  return { name, state, parent: Number(parent) };
}

async function isRunning(pid) {
  const state = await stat(pid).catch(() => undefined);
  return state !== undefined && state.state !== 'Z';
}

async function childOf(parent, name) {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const process_ = await stat(entry).catch(() => undefined);
    // The system keeps 15 characters of a name.
    if (process_?.parent === parent && process_.name === name.slice(0, 15)) return Number(entry);
  }
  return undefined;
}
