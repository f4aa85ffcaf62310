// A WebDriver client (W3C WebDriver) for WebKitWebDriver, by fetch alone.

import { until } from './process.mjs';

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
const KEY = { Enter: '\uE007', Backspace: '\uE003' };

export class Session {
  #base;

  constructor(base) {
    this.#base = base;
  }

  /** Starts `binary` under the driver at `port` and returns the session with its window. */
  static async start(port, binary, args = []) {
    const root = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(`${root}/status`)).ok, 'the driver to answer');
    const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': { binary, args } } };
    const { sessionId } = await request('POST', `${root}/session`, { capabilities });
    return new Session(`${root}/session/${sessionId}`);
  }

  #post(path, body = {}) {
    return request('POST', this.#base + path, body);
  }

  #get(path) {
    return request('GET', this.#base + path);
  }

  /** Runs `body`, the text of a function, in the page. */
  script(body, ...args) {
    return this.#post('/execute/sync', { script: body, args });
  }

  /** Runs the text of an async function in the page and waits for what it returns. */
  async async(body, ...args) {
    const script = `
      const done = arguments[arguments.length - 1];
      (async function () { ${body} }).apply(null, Array.prototype.slice.call(arguments, 0, -1)).then(
        (value) => done({ value }), (error) => done({ error: error && error.message ? error : { message: String(error) } }));`;
    const outcome = await this.#post('/execute/async', { script, args });
    if (outcome.error) throw Object.assign(new Error(outcome.error.message), outcome.error);
    return outcome.value;
  }

  /** Waits for the element with this test id and returns its handle. */
  element(testid) {
    return until(async () => {
      const found = await this.#post('/elements', { using: 'css selector', value: `[data-testid="${testid}"]` });
      return found[0]?.[ELEMENT];
    }, `an element ${testid}`);
  }

  /** Waits until an element with this test id has gone. */
  gone(testid) {
    return until(() => this.script('return !document.querySelector(arguments[0])', `[data-testid="${testid}"]`), `${testid} to go`);
  }

  async click(testid) {
    const element = await this.element(testid);
    await this.#post(`/element/${element}/click`);
  }

  /**
   * Types into a field as a keyboard does, a list of characters and of the names in `KEY`.
   * The driver drops characters beyond U+FFFF.
   */
  async type(testid, ...keys) {
    const element = await this.element(testid);
    await this.#post(`/element/${element}/value`, { text: keys.map((key) => KEY[key] ?? key).join('') });
  }

  /** Types over what a field holds; the driver's own "clear" tells the page nothing. */
  async fill(testid, text) {
    await this.element(testid);
    await this.script('document.querySelector(arguments[0]).select()', `[data-testid="${testid}"]`);
    await this.type(testid, 'Backspace', text);
  }

  /** The value of a field. */
  async value(testid) {
    return this.#get(`/element/${await this.element(testid)}/property/value`);
  }

  /** The text of every element with this test id, as the page holds it. */
  texts(testid) {
    return this.script(
      'return Array.from(document.querySelectorAll(arguments[0]), (element) => element.textContent.replace(/\\s+/g, " ").trim())',
      `[data-testid="${testid}"]`,
    );
  }

  /** Waits until an element with this test id has a text that matches, and returns that text. */
  text(testid, pattern, patience) {
    return until(
      async () => (await this.texts(testid)).find((text) => pattern.test(text)),
      `a ${testid} with ${pattern}`,
      patience,
    );
  }

  /** The test id of the element that has the keyboard. */
  focused() {
    return this.script('return document.activeElement?.dataset.testid ?? null');
  }

  /** The window as a PNG. */
  async screenshot() {
    return Buffer.from(await this.#get('/screenshot'), 'base64');
  }

  /** Ends the session, and the program with it if it is still there. */
  async end() {
    await request('DELETE', this.#base);
  }
}

async function request(method, url, body) {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    signal: AbortSignal.timeout(30_000),
  });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${method} ${new URL(url).pathname}: ${value.error}: ${value.message}`);
  return value;
}
