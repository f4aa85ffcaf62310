// As much of the X11 protocol as it takes to find a window, to size it, and to close
// it as the cross in its title bar does. There is no window manager on a test screen.

import net from 'node:net';

const ATOM_ANY = 0;
const EVENT_CLIENT_MESSAGE = 33;
const OP = { configureWindow: 12, getGeometry: 14, queryTree: 15, internAtom: 16, getProperty: 20, sendEvent: 25, setInputFocus: 42 };

const pad4 = (size) => (4 - (size % 4)) % 4;

export class X11 {
  #socket;
  #buffer = Buffer.alloc(0);
  #wake = () => undefined;
  #failure;
  #root;
  #sequence = 0;
  #atoms = new Map();

  static async connect(display) {
    const x11 = new X11();
    x11.#socket = net.connect(`/tmp/.X11-unix/X${display}`);
    x11.#socket.on('data', (chunk) => {
      x11.#buffer = Buffer.concat([x11.#buffer, chunk]);
      x11.#wake();
    });
    x11.#socket.on('error', (error) => {
      x11.#failure = error;
      x11.#wake();
    });
    x11.#socket.on('close', () => {
      x11.#failure ??= new Error('the screen is gone');
      x11.#wake();
    });
    const hello = Buffer.alloc(12);
    hello.write('l', 0, 'latin1'); // little endian
    hello.writeUInt16LE(11, 2);
    x11.#socket.write(hello);
    const head = await x11.#take(8);
    const body = await x11.#take(head.readUInt16LE(6) * 4);
    if (head[0] !== 1) throw new Error(`the screen refuses: ${body.toString('latin1')}`);
    const vendorSize = body.readUInt16LE(16);
    const formats = body[21];
    x11.#root = body.readUInt32LE(32 + vendorSize + pad4(vendorSize) + formats * 8);
    return x11;
  }

  close() {
    this.#socket.destroy();
  }

  async #take(size) {
    while (this.#buffer.length < size) {
      if (this.#failure) throw this.#failure;
      await new Promise((resolve) => (this.#wake = resolve));
    }
    const taken = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(size);
    return taken;
  }

  #send(opcode, detail, body) {
    const head = Buffer.alloc(4);
    head[0] = opcode;
    head[1] = detail;
    const padding = Buffer.alloc(pad4(body.length));
    head.writeUInt16LE((4 + body.length + padding.length) / 4, 2);
    this.#socket.write(Buffer.concat([head, body, padding]));
    this.#sequence = (this.#sequence + 1) & 0xffff;
    return this.#sequence;
  }

  /** Sends a request and returns its reply; `undefined` when the window is gone. */
  async #ask(opcode, detail, body) {
    const sequence = this.#send(opcode, detail, body);
    for (;;) {
      const head = await this.#take(32);
      const rest = head[0] === 1 ? await this.#take(head.readUInt32LE(4) * 4) : Buffer.alloc(0);
      if (head[0] > 1 || head.readUInt16LE(2) !== sequence) continue; // an event, or another's error
      return head[0] === 1 ? Buffer.concat([head, rest]) : undefined;
    }
  }

  async #atom(name) {
    if (!this.#atoms.has(name)) {
      const body = Buffer.alloc(4 + name.length);
      body.writeUInt16LE(name.length, 0);
      body.write(name, 4, 'latin1');
      const reply = await this.#ask(OP.internAtom, 0, body);
      this.#atoms.set(name, reply.readUInt32LE(8));
    }
    return this.#atoms.get(name);
  }

  async #property(window, name) {
    const body = Buffer.alloc(20);
    body.writeUInt32LE(window, 0);
    body.writeUInt32LE(await this.#atom(name), 4);
    body.writeUInt32LE(ATOM_ANY, 8);
    body.writeUInt32LE(1024, 16);
    const reply = await this.#ask(OP.getProperty, 0, body);
    if (!reply) return Buffer.alloc(0);
    return reply.subarray(32, 32 + reply.readUInt32LE(16) * (reply[1] / 8));
  }

  /** The window of a process that can be closed, if it has one on the screen. */
  async windowOf(pid) {
    const body = Buffer.alloc(4);
    body.writeUInt32LE(this.#root, 0);
    const tree = await this.#ask(OP.queryTree, 0, body);
    const count = tree.readUInt16LE(16);
    const closing = await this.#atom('WM_DELETE_WINDOW');
    for (let index = 0; index < count; index += 1) {
      const window = tree.readUInt32LE(32 + index * 4);
      const owner = await this.#property(window, '_NET_WM_PID');
      if (owner.length < 4 || owner.readUInt32LE(0) !== pid) continue;
      const protocols = await this.#property(window, 'WM_PROTOCOLS');
      const size = await this.size(window);
      for (let at = 0; at + 4 <= protocols.length; at += 4) {
        if (protocols.readUInt32LE(at) === closing && size.width > 100) return window;
      }
    }
    return undefined;
  }

  /** The title of a window. */
  async title(window) {
    return (await this.#property(window, '_NET_WM_NAME')).toString('utf8');
  }

  /** Width and height of a window, in pixels. */
  async size(window) {
    const body = Buffer.alloc(4);
    body.writeUInt32LE(window, 0);
    const reply = await this.#ask(OP.getGeometry, 0, body);
    return reply ? { width: reply.readUInt16LE(16), height: reply.readUInt16LE(18) } : { width: 0, height: 0 };
  }

  /** Gives a window another size. */
  resize(window, width, height) {
    const body = Buffer.alloc(16);
    body.writeUInt32LE(window, 0);
    body.writeUInt16LE(0x4 | 0x8, 4);
    body.writeUInt32LE(width, 8);
    body.writeUInt32LE(height, 12);
    this.#send(OP.configureWindow, 0, body);
  }

  /** Lets the keyboard write into a window. */
  focus(window) {
    const body = Buffer.alloc(8);
    body.writeUInt32LE(window, 0);
    this.#send(OP.setInputFocus, 1, body);
  }

  /** Asks a window to close, as a click on its cross does (ICCCM, section 4.2.8.1). */
  async requestClose(window) {
    const body = Buffer.alloc(40);
    body.writeUInt32LE(window, 0);
    body[8] = EVENT_CLIENT_MESSAGE;
    body[9] = 32;
    body.writeUInt32LE(window, 12);
    body.writeUInt32LE(await this.#atom('WM_PROTOCOLS'), 16);
    body.writeUInt32LE(await this.#atom('WM_DELETE_WINDOW'), 20);
    this.#send(OP.sendEvent, 0, body);
    await this.size(window); // a reply means the screen has taken what was sent before
  }
}
