// Processes, folders and waiting: whatever a test starts, it ends, also when it fails.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** How long a test waits for something that should come at once, in milliseconds. */
export const PATIENCE = 10_000;

const POLL = 20;

/** Calls `probe` until it returns something true, and returns that. Errors of `probe` count as "not yet". */
export async function until(probe, what, patience = PATIENCE) {
  const deadline = Date.now() + patience;
  let last;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${patience} ms for ${what}; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
    }
    await pause(POLL);
  }
}

/** Everything one test has started, ended in the opposite order. */
export class Cleanup {
  #steps = [];

  add(step) {
    this.#steps.push(step);
  }

  /** Runs every step, then throws the first error. */
  async run() {
    let failure;
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure) throw failure;
  }

  /** A folder of its own, removed at the end. */
  async folder() {
    const path = await mkdtemp(join(tmpdir(), 'salotto-desktop-e2e-'));
    this.add(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
    return path;
  }

  /** Starts a program in a process group of its own; the whole group is ended at the end. */
  start(command, args, options = {}) {
    const child = new Child(command, args, options);
    this.add(() => child.stop());
    return child;
  }
}

/** A started program with its output. */
export class Child {
  /** Lines of standard output so far. */
  out = [];
  /** Standard error so far. */
  err = '';

  constructor(command, args, { env = process.env, extra = 0, cwd } = {}) {
    const stdio = ['ignore', 'pipe', 'pipe', ...Array(extra).fill('pipe')];
    this.process = spawn(command, args, { env, stdio, cwd, detached: true });
    this.name = command.split('/').at(-1);
    this.exit = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('exit', (code, signal) => resolve({ code, signal }));
    });
    this.exit.catch(() => undefined);
    let partial = '';
    this.process.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (partial + text).split('\n');
      partial = lines.pop();
      this.out.push(...lines);
    });
    this.process.stderr.setEncoding('utf8').on('data', (text) => {
      this.err = (this.err + text).slice(-20_000);
    });
  }

  get pid() {
    return this.process.pid;
  }

  get running() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Waits for a line of standard output that matches, and returns the match. */
  async line(pattern) {
    return until(() => {
      if (!this.running) throw new Error(`${this.name} has ended: ${this.err}`);
      return this.out.map((line) => pattern.exec(line)).find(Boolean);
    }, `${pattern} from ${this.name}`);
  }

  signal(name) {
    this.process.kill(name);
  }

  /** Ends the program and everything it has started, by its process group. */
  async stop() {
    if (this.pid === undefined) return;
    if (this.running) {
      this.process.kill('SIGTERM');
      await Promise.race([this.exit, pause(3000)]);
    }
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
    await this.exit;
  }
}

/** A TCP port nobody listens on at this moment. */
export async function freePort() {
  const probe = net.createServer();
  await new Promise((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
