import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BINARY =
  process.env['SALOTTO'] ?? fileURLToPath(new URL('../../../target/debug/salotto', import.meta.url));

export interface SalottoOptions {
  /** A port to come back on; any free one when absent. */
  readonly webPort?: number;
  /** A data folder of an earlier run; a new one when absent. */
  readonly data?: string;
}

/** The real server, as a person starts it. */
export class Salotto {
  private constructor(
    readonly data: string,
    private readonly process: ChildProcess,
    /** Address of the web client. */
    readonly url: string,
    /** Port of plain IRC. */
    readonly ircPort: number,
  ) {}

  static async start(options: SalottoOptions = {}): Promise<Salotto> {
    const data = options.data ?? (await mkdtemp(join(tmpdir(), 'salotto-web-')));
    const child = spawn(
      BINARY,
      [
        'serve',
        '--data',
        data,
        '--web-port',
        String(options.webPort ?? 0),
        '--port',
        '0',
        '--text-port',
        '0',
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const addresses = await new Promise<{ url: string; irc: number }>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const url = /^web (http:\/\/127\.0\.0\.1:\d+)/m.exec(output)?.[1];
        const irc = /^irc 127\.0\.0\.1:(\d+)/m.exec(output)?.[1];
        if (url !== undefined && irc !== undefined) resolve({ url, irc: Number(irc) });
      });
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
    });
    return new Salotto(data, child, addresses.url, addresses.irc);
  }

  get webPort(): number {
    return Number(new URL(this.url).port);
  }

  #ended(): Promise<void> {
    return new Promise((resolve) => {
      if (this.process.exitCode !== null || this.process.signalCode !== null) resolve();
      else this.process.once('exit', () => resolve());
    });
  }

  /** Ends it as an operator does, and waits until it has ended. */
  async stop(): Promise<void> {
    this.process.kill('SIGTERM');
    await this.#ended();
  }

  /** Ends it as a power cut does. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#ended();
  }

  /** Stops it in the middle of everything, as a machine that hangs; `resume` lets it go on. */
  freeze(): void {
    this.process.kill('SIGSTOP');
  }

  resume(): void {
    this.process.kill('SIGCONT');
  }

  /** Ends it, whatever its state, and takes its data away. */
  async dispose(): Promise<void> {
    this.resume();
    await this.stop();
    await rm(this.data, { recursive: true, force: true });
  }
}

/** A bare IRC client: the other people in a test. */
export class Irc {
  readonly lines: string[] = [];
  #waiting: { pattern: RegExp; resolve: (line: string) => void }[] = [];

  private constructor(private readonly socket: Socket) {
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(line);
    });
  }

  static async join(port: number, nick: string): Promise<Irc> {
    const socket = connect(port, '127.0.0.1');
    const irc = new Irc(socket);
    irc.send(`NICK ${nick}`, `USER ${nick} 0 * ${nick}`);
    await irc.line(/ 366 /);
    return irc;
  }

  #take(line: string): void {
    if (line.startsWith('PING')) this.send(line.replace('PING', 'PONG'));
    this.lines.push(line);
    this.#waiting = this.#waiting.filter(({ pattern, resolve }) => {
      if (!pattern.test(line)) return true;
      resolve(line);
      return false;
    });
  }

  send(...lines: string[]): void {
    this.socket.write(lines.map((line) => `${line}\r\n`).join(''));
  }

  /** The first line, past or to come, that fits. */
  line(pattern: RegExp): Promise<string> {
    const known = this.lines.find((line) => pattern.test(line));
    return known === undefined
      ? new Promise((resolve) => this.#waiting.push({ pattern, resolve }))
      : Promise.resolve(known);
  }

  /** Breaks the connection as a cut cable with a reset does. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A road between a browser and the server that can be cut, or made to swallow everything. */
export class Road {
  readonly #pairs = new Set<[Socket, Socket]>();
  #swallow = false;
  #closed = false;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async to(target: number): Promise<Road> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const road = new Road(server, typeof address === 'object' && address ? address.port : 0);
    server.on('connection', (near) => {
      if (road.#closed) {
        near.resetAndDestroy();
        return;
      }
      const far = connect(target, '127.0.0.1');
      const pair: [Socket, Socket] = [near, far];
      road.#pairs.add(pair);
      near.on('data', (data) => road.#swallow || far.write(data));
      far.on('data', (data) => road.#swallow || near.write(data));
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        one.on('error', () => undefined);
        one.on('close', () => {
          road.#pairs.delete(pair);
          // A road that swallows shows neither end that the other is gone.
          if (!road.#swallow) other.destroy();
        });
      }
    });
    return road;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resets every connection and lets no new one through until `open`. */
  cut(): void {
    this.#closed = true;
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** Keeps the connections of both sides, and passes nothing: half-open. New ones pass after `open`. */
  swallow(): void {
    this.#swallow = true;
  }

  open(): void {
    this.#closed = false;
    this.#swallow = false;
  }

  async dispose(): Promise<void> {
    this.#swallow = false;
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}
