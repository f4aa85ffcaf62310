/** A message that the server has not confirmed yet. */
export interface OutboxItem {
  /** Random; the server keeps it with the message, so that a message sent twice is seen once. */
  readonly token: string;
  /** Whose outbox: server and name. */
  readonly scope: string;
  readonly target: string;
  readonly text: string;
  readonly type: 'message' | 'action';
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /** The order within the scope. */
  readonly order: number;
  readonly failure?: string;
}

/** Where unsent messages are kept over a reload. */
export interface OutboxStore {
  load(scope: string): Promise<OutboxItem[]>;
  put(item: OutboxItem): Promise<void>;
  remove(token: string): Promise<void>;
}

export class MemoryStore implements OutboxStore {
  readonly #items = new Map<string, OutboxItem>();

  load(scope: string): Promise<OutboxItem[]> {
    return Promise.resolve(
      [...this.#items.values()].filter((item) => item.scope === scope).sort((a, b) => a.order - b.order),
    );
  }

  put(item: OutboxItem): Promise<void> {
    this.#items.set(item.token, item);
    return Promise.resolve();
  }

  remove(token: string): Promise<void> {
    this.#items.delete(token);
    return Promise.resolve();
  }
}

const DATABASE = 'salotto';
const TABLE = 'outbox';

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed'));
  });
}

class IndexedDbStore implements OutboxStore {
  constructor(private readonly database: IDBDatabase) {}

  #table(mode: IDBTransactionMode): IDBObjectStore {
    return this.database.transaction(TABLE, mode, { durability: 'strict' }).objectStore(TABLE);
  }

  async load(scope: string): Promise<OutboxItem[]> {
    const items = (await done(this.#table('readonly').index('scope').getAll(scope))) as OutboxItem[];
    return items.sort((a, b) => a.order - b.order);
  }

  async put(item: OutboxItem): Promise<void> {
    await done(this.#table('readwrite').put(item));
  }

  async remove(token: string): Promise<void> {
    await done(this.#table('readwrite').delete(token));
  }
}

/** The browser's database, or plain memory where there is none (private windows of some browsers). */
export async function openStore(factory: IDBFactory | undefined): Promise<OutboxStore> {
  if (!factory) return new MemoryStore();
  try {
    const request = factory.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(TABLE, { keyPath: 'token' }).createIndex('scope', 'scope');
    };
    return new IndexedDbStore(await done(request));
  } catch {
    return new MemoryStore();
  }
}
