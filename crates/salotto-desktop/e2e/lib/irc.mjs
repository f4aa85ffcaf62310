// The other side of the wire: the real server, a server that only listens, and a
// person with a bare IRC connection.

import net from 'node:net';
import { serverBinary } from './desktop.mjs';
import { PATIENCE, until } from './process.mjs';

/** Something that holds lines it has received. */
class Lines {
  received = [];

  constructor(socket) {
    this.socket = socket;
    this.ended = false;
    let partial = '';
    socket.setEncoding('utf8').on('data', (text) => {
      const lines = (partial + text).split(/\r?\n/);
      partial = lines.pop();
      for (const line of lines) {
        this.received.push(line);
        this.onLine?.(line);
      }
    });
    socket.on('error', (error) => (this.error = error));
    socket.on('end', () => (this.ended = true));
    socket.on('close', () => (this.closed = true));
  }

  send(...lines) {
    this.socket.write(lines.map((line) => `${line}\r\n`).join(''));
  }

  /** Waits for a line that matches, from the beginning or after `from` lines. */
  line(pattern, { from = 0, patience = PATIENCE } = {}) {
    return until(
      () => this.received.slice(from).find((line) => pattern.test(line)),
      `${pattern} among\n${this.received.slice(-20).join('\n')}\n`,
      patience,
    );
  }
}

/** A server that writes down what it is sent and says only what a test tells it to. */
export async function listen(cleanup) {
  const connections = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => connections.push(new Lines(socket)));
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  cleanup.add(() => {
    for (const { socket } of connections) socket.destroy();
    server.close();
  });
  return {
    port: server.address().port,
    /** Waits for the connection with this number, counted from 0. */
    connection: (number) => until(() => connections[number], `connection ${number}`),
  };
}

/** The real server; `port` and `data` are those of an earlier run when it is started again. */
export async function serve(cleanup, { port = 0, data, tls = 'off' } = {}) {
  const folder = data ?? (await cleanup.folder());
  const args = ['serve', '--data', folder, '--host', '127.0.0.1', '--port', String(port), '--tls-port', String(tls)];
  const child = cleanup.start(serverBinary, [...args, '--web-port', 'off', '--text-port', 'off']);
  const irc = await child.line(/^irc 127\.0\.0\.1:(\d+)/);
  const encrypted = tls === 'off' ? undefined : await child.line(/^tls 127\.0\.0\.1:(\d+) fingerprint (\S+)/);
  return {
    child,
    data: folder,
    port: Number(irc[1]),
    tlsPort: Number(encrypted?.[1]),
    fingerprint: encrypted?.[2],
    /** Ends the server as an operator does. */
    async stop() {
      child.signal('SIGTERM');
      await child.exit;
    },
  };
}

/** A person with a bare connection, signed in and in the lobby. */
export async function join(cleanup, port, nick) {
  const socket = net.connect(port, '127.0.0.1');
  const person = new Lines(socket);
  cleanup.add(() => socket.destroy());
  person.onLine = (line) => {
    const ping = /^(?:@\S+ )?(?::\S+ )?PING (.*)$/.exec(line);
    if (ping) person.send(`PONG ${ping[1]}`);
  };
  person.send(`NICK ${nick}`, `USER ${nick} 0 * :${nick}`);
  await person.line(new RegExp(`:${nick}\\S* JOIN `));
  return person;
}

/** A way to a server that writes down what a client sends through it. */
export async function record(cleanup, port) {
  const sent = [];
  let last = Date.now();
  const way = net.createServer((client) => {
    const server = net.connect(port, '127.0.0.1');
    const ends = [client, server];
    for (const end of ends) end.on('error', () => ends.forEach((each) => each.destroy()));
    new Lines(client).onLine = (line) => {
      sent.push(line);
      last = Date.now();
    };
    client.pipe(server).pipe(client);
    cleanup.add(() => ends.forEach((each) => each.destroy()));
  });
  await new Promise((resolve, reject) => way.once('error', reject).listen(0, '127.0.0.1', resolve));
  cleanup.add(() => way.close());
  return { port: way.address().port, sent, silence: () => Date.now() - last };
}
