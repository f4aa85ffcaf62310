import { createReadStream, existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer, type WebSocket } from 'ws';

/**
 * A scripted stand-in for the server, for what a real one cannot be made to do on demand: refuse a message, stay
 * silent, forget an echo, or hold ten thousand lines of history.
 */

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** The policy that the UI must live with. */
export const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const CAPS =
  'message-tags server-time batch echo-message labeled-response account-tag away-notify extended-join multi-prefix userhost-in-names invite-notify setname cap-notify standard-replies sasl=PLAIN draft/chathistory draft/account-registration=before-connect,custom-account-name draft/read-marker salotto.chat/resume';

export interface Post {
  readonly msgid: string;
  readonly time: number;
  readonly nick: string;
  readonly target: string;
  readonly text: string;
  readonly token?: string;
}

interface Peer {
  readonly socket: WebSocket;
  nick: string;
  registered: boolean;
  capEnd: boolean;
  readonly rooms: Set<string>;
}

/** What the stand-in does out of the ordinary. */
export interface Script {
  /** Names that are taken. */
  taken: Set<string>;
  /** Texts that are refused, with the reason. */
  refuse: Map<string, string>;
  /** Swallows everything, PING too: a dead peer that never closes. */
  silent: boolean;
  /** Accepts messages and never echoes them. */
  mute: boolean;
}

export class FakeServer {
  readonly script: Script = { taken: new Set(), refuse: new Map(), silent: false, mute: false };
  readonly received: string[] = [];
  readonly history: Post[] = [];
  /** Room members besides those who are connected. */
  readonly members = new Map<string, string[]>();
  readonly topics = new Map<string, string>();
  readonly #peers = new Set<Peer>();
  #http: Server | undefined;
  #posts = 0;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  async start(port = 0): Promise<this> {
    const dist = fileURLToPath(new URL('../../dist', import.meta.url));
    const http = createServer((request, response) => {
      const path = normalize(new URL(request.url ?? '/', 'http://x').pathname);
      const file = join(dist, path === '/' ? 'index.html' : path);
      if (!file.startsWith(dist) || !existsSync(file)) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, {
        'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
        'content-security-policy': CSP,
      });
      createReadStream(file).pipe(response);
    });
    const sockets = new WebSocketServer({
      server: http,
      path: '/ws',
      handleProtocols: () => 'text.ircv3.net',
    });
    sockets.on('connection', (socket) => this.#accept(socket));
    await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
    const address = http.address();
    this.#port = typeof address === 'object' && address ? address.port : 0;
    this.#http = http;
    return this;
  }

  /** Ends as a server does that is told to: everybody hears it first. */
  async stop(reason?: string): Promise<void> {
    for (const peer of this.#peers) {
      if (reason !== undefined) peer.socket.send(`ERROR :The server has closed: ${reason}`);
      if (reason === undefined) peer.socket.terminate();
      else peer.socket.close();
    }
    this.#peers.clear();
    await new Promise<void>((resolve) => {
      this.#http?.close(() => resolve());
      this.#http?.closeAllConnections();
    });
  }

  /** Breaks every connection without a word; the port stays open. */
  cut(): void {
    for (const peer of this.#peers) peer.socket.terminate();
    this.#peers.clear();
  }

  /** Adds a message to the past. */
  past(target: string, nick: string, text: string, time: number, token?: string): Post {
    this.#posts += 1;
    const post: Post = {
      msgid: `m${String(this.#posts).padStart(6, '0')}`,
      time,
      nick,
      target,
      text,
      ...(token === undefined ? {} : { token }),
    };
    this.history.push(post);
    return post;
  }

  /** Somebody says something now. */
  say(target: string, nick: string, text: string, time = Date.now()): Post {
    const post = this.past(target, nick, text, time);
    for (const peer of this.#peers)
      if (peer.rooms.has(target.toLowerCase()) || peer.nick === target) peer.socket.send(this.#line(post));
    return post;
  }

  /** Sends a line to everybody, as it is. */
  raw(line: string): void {
    for (const peer of this.#peers) peer.socket.send(line);
  }

  /** Sends a line to everybody, with a time and an id. */
  tell(line: string): void {
    this.#posts += 1;
    for (const peer of this.#peers)
      peer.socket.send(`@time=${new Date().toISOString()};msgid=e${this.#posts} ${line}`);
  }

  #line(post: Post, extra: Record<string, string> = {}): string {
    const tags = {
      ...extra,
      time: new Date(post.time).toISOString(),
      msgid: post.msgid,
      ...(post.token === undefined ? {} : { '+salotto.chat/token': post.token }),
    };
    const text = Object.entries(tags)
      .map(([key, value]) => `${key}=${value}`)
      .join(';');
    return `@${text} :${post.nick}!${post.nick.toLowerCase().slice(0, 8)}@salotto.chat PRIVMSG ${post.target} :${post.text}`;
  }

  #accept(socket: WebSocket): void {
    const peer: Peer = { socket, nick: '', registered: false, capEnd: true, rooms: new Set() };
    this.#peers.add(peer);
    socket.on('close', () => this.#peers.delete(peer));
    socket.on('error', () => this.#peers.delete(peer));
    socket.on('message', (data: Buffer) => this.#take(peer, data.toString()));
  }

  #take(peer: Peer, raw: string): void {
    this.received.push(raw);
    if (this.script.silent) return;
    let rest = raw;
    const tags = new Map<string, string>();
    if (rest.startsWith('@')) {
      const [head = ''] = rest.slice(1).split(' ', 1);
      for (const part of head.split(';')) {
        const [key = '', value = ''] = part.split('=');
        tags.set(key, value);
      }
      rest = rest.slice(head.length + 2);
    }
    const colon = rest.indexOf(' :');
    const words = (colon < 0 ? rest : rest.slice(0, colon)).split(' ');
    if (colon >= 0) words.push(rest.slice(colon + 2));
    const [command = '', ...params] = words;
    const label = tags.get('label');
    const reply = (line: string): void =>
      peer.socket.send(label === undefined ? line : `@label=${label} ${line}`);
    const send = (line: string): void => peer.socket.send(line);

    switch (command) {
      case 'CAP':
        if (params[0] === 'LS') {
          peer.capEnd = false;
          send(`:salotto.chat CAP * LS :${CAPS}`);
        } else if (params[0] === 'REQ') send(`:salotto.chat CAP * ACK :${params[1] ?? ''}`);
        else if (params[0] === 'END') {
          peer.capEnd = true;
          this.#register(peer);
        }
        return;
      case 'NICK': {
        const nick = params[0] ?? '';
        if (this.script.taken.has(nick)) {
          send(`:salotto.chat 433 * ${nick} :Nickname is already in use`);
          return;
        }
        if (peer.registered) send(`:${peer.nick}!u@salotto.chat NICK ${nick}`);
        peer.nick = nick;
        this.#register(peer);
        return;
      }
      case 'AUTHENTICATE':
        if (params[0] === 'PLAIN') send('AUTHENTICATE +');
        else {
          const [, account = '', password = ''] = Buffer.from(params[0] ?? '', 'base64')
            .toString()
            .split('\0');
          if (password === 'wrong') send(`:salotto.chat 904 ${account} :Name and password do not match`);
          else {
            send(
              `:salotto.chat 900 ${account} ${account}!u@h ${account} :You are now logged in as ${account}`,
            );
            send(`:salotto.chat 903 ${account} :ok`);
          }
        }
        return;
      case 'PING':
        send(`:salotto.chat PONG salotto.chat ${params[0] ?? ''}`);
        return;
      case 'JOIN':
        for (const name of (params[0] ?? '').split(',')) this.#join(peer, name);
        return;
      case 'PART':
        peer.rooms.delete((params[0] ?? '').toLowerCase());
        send(`:${peer.nick}!u@salotto.chat PART ${params[0] ?? ''}`);
        return;
      case 'LIST':
        for (const room of new Set([...this.members.keys(), ...peer.rooms]))
          send(
            `:salotto.chat 322 ${peer.nick} ${room} ${(this.members.get(room) ?? []).length + 1} :${this.topics.get(room) ?? ''}`,
          );
        send(`:salotto.chat 323 ${peer.nick} :End`);
        return;
      case 'PRIVMSG': {
        const [target = '', text = ''] = params;
        const refusal = this.script.refuse.get(text);
        if (refusal !== undefined) {
          reply(`:salotto.chat FAIL PRIVMSG CANNOT_SEND ${target} :${refusal}`);
          return;
        }
        const token = tags.get('+salotto.chat/token');
        const known = this.history.find((post) => post.token !== undefined && post.token === token);
        const post = known ?? this.past(target, peer.nick, text, Date.now(), token);
        if (this.script.mute) return;
        peer.socket.send(this.#line(post, label === undefined ? {} : { label }));
        if (!known)
          for (const other of this.#peers)
            if (other !== peer && other.rooms.has(target.toLowerCase())) other.socket.send(this.#line(post));
        return;
      }
      case 'CHATHISTORY':
        this.#chathistory(peer, params, label);
        return;
      case 'QUIT':
        send('ERROR :Quit');
        peer.socket.close();
        return;
    }
  }

  #register(peer: Peer): void {
    if (peer.registered || !peer.capEnd || peer.nick === '') return;
    peer.registered = true;
    const { nick } = peer;
    const send = (line: string): void => peer.socket.send(line);
    send(`:salotto.chat 001 ${nick} :Welcome to Salotto, ${nick}`);
    send(
      `:salotto.chat 005 ${nick} NETWORK=Salotto CASEMAPPING=ascii CHANTYPES=# PREFIX=(ov)@+ CHANMODES=b,k,l,imnst NICKLEN=32 CHANNELLEN=64 TOPICLEN=390 CHATHISTORY=100 UTF8ONLY WHOX :are supported by this server`,
    );
    send(`:salotto.chat 422 ${nick} :No message of the day`);
    send(`RESUME TOKEN t-${nick}`);
    this.#join(peer, '#lobby');
  }

  #join(peer: Peer, name: string): void {
    const key = name.toLowerCase();
    if (peer.rooms.has(key)) return;
    peer.rooms.add(key);
    this.#posts += 1;
    const send = (line: string): void => peer.socket.send(line);
    send(
      `@time=${new Date().toISOString()};msgid=e${this.#posts} :${peer.nick}!u@salotto.chat JOIN ${name} * :${peer.nick}`,
    );
    const topic = this.topics.get(name);
    if (topic !== undefined) send(`:salotto.chat 332 ${peer.nick} ${name} :${topic}`);
    const others = [...this.#peers]
      .filter((other) => other !== peer && other.rooms.has(key))
      .map((other) => other.nick);
    const names = [...(this.members.get(name) ?? []), ...others, peer.nick];
    for (let start = 0; start < names.length; start += 20)
      send(`:salotto.chat 353 ${peer.nick} = ${name} :${names.slice(start, start + 20).join(' ')}`);
    send(`:salotto.chat 366 ${peer.nick} ${name} :End of names`);
    for (const other of this.#peers)
      if (other !== peer && other.rooms.has(key))
        other.socket.send(
          `@time=${new Date().toISOString()};msgid=e${this.#posts} :${peer.nick}!u@salotto.chat JOIN ${name} * :${peer.nick}`,
        );
  }

  #chathistory(peer: Peer, params: string[], label: string | undefined): void {
    const [verb = '', target = '', reference = '*'] = params;
    const tag = label === undefined ? '' : `@label=${label} `;
    if (verb === 'TARGETS') {
      peer.socket.send(`${tag}:salotto.chat BATCH +t draft/chathistory-targets`);
      peer.socket.send(':salotto.chat BATCH -t');
      return;
    }
    const limit = Number(params[params.length - 1] ?? '50');
    const all = this.history
      .filter((post) => post.target.toLowerCase() === target.toLowerCase())
      .sort((a, b) => a.time - b.time || a.msgid.localeCompare(b.msgid));
    const at = reference.startsWith('msgid=')
      ? all.findIndex((post) => post.msgid === reference.slice(6))
      : -1;
    let found: Post[];
    if (verb === 'BEFORE') found = all.slice(Math.max(0, at - limit), at);
    else if (verb === 'AFTER') found = all.slice(at + 1, at + 1 + limit);
    else found = all.slice(at + 1).slice(-limit);
    const id = `h${this.#posts}${Math.random().toString(36).slice(2, 7)}`;
    peer.socket.send(`${tag}:salotto.chat BATCH +${id} chathistory ${target}`);
    for (const post of found) peer.socket.send(this.#line(post, { batch: id }));
    peer.socket.send(`:salotto.chat BATCH -${id}`);
  }
}
