import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../clock';
import { ASK_AFTER, CAPACITY, FAIL_AFTER, IN_FLIGHT, Outbox, SLOW_AFTER } from './outbox';
import { MemoryStore, openStore, type OutboxItem, type OutboxStore } from './store';

let clock: ManualClock;
let sent: string[];
let store: OutboxStore;
let tokens: number;

function make(from: OutboxStore = store): Outbox {
  return new Outbox(
    'server/anna',
    from,
    clock,
    { transmit: (item) => sent.push(`${item.target} ${item.text}`), changed: () => undefined },
    () => `t${(tokens += 1)}`,
  );
}

const always = (): boolean => true;
const states = (outbox: Outbox): string[] => outbox.items().map(({ item, state }) => `${item.text} ${state}`);

beforeEach(() => {
  clock = new ManualClock(10 * ASK_AFTER);
  sent = [];
  store = new MemoryStore();
  tokens = 0;
});

describe('Outbox', () => {
  it('queues while offline and sends in order when online', () => {
    const outbox = make();
    outbox.add('#a', 'one');
    outbox.add('#b', 'two');
    outbox.add('#a', 'three');
    expect(sent).toEqual([]);
    outbox.online(always);
    expect(sent).toEqual(['#a one', '#b two', '#a three']);
    expect(states(outbox)).toEqual(['one sending', 'two sending', 'three sending']);
  });

  it('sends again what was not confirmed, with the same token', () => {
    const outbox = make();
    outbox.online(always);
    const item = outbox.add('#a', 'one');
    outbox.offline();
    outbox.online(always);
    expect(sent).toEqual(['#a one', '#a one']);
    expect(outbox.items()[0]?.item.token).toBe(item?.token);
    expect(outbox.confirm(item?.token ?? '')).toBe(true);
    expect(outbox.size).toBe(0);
    expect(outbox.confirm(item?.token ?? '')).toBe(false);
  });

  it('waits for its room and lets others go on', () => {
    const outbox = make();
    outbox.add('#slow', 'one');
    outbox.add('#fast', 'two');
    let ready = false;
    outbox.online((target) => ready || target === '#fast');
    expect(sent).toEqual(['#fast two']);
    ready = true;
    outbox.poke();
    expect(sent).toEqual(['#fast two', '#slow one']);
  });

  it('stops a target at its failure, and goes on after a retry or a removal', () => {
    const outbox = make();
    outbox.online(always);
    const first = outbox.add('#a', 'one');
    outbox.fail(first?.token ?? '', 'no');
    outbox.add('#a', 'two');
    outbox.add('#b', 'three');
    expect(sent).toEqual(['#a one', '#b three']);
    outbox.retry(first?.token ?? '');
    expect(sent).toEqual(['#a one', '#b three', '#a one', '#a two']);
    outbox.fail(first?.token ?? '', 'no');
    expect(outbox.remove(first?.token ?? '')?.text).toBe('one');
  });

  it('keeps a bounded number on their way to one target', () => {
    const outbox = make();
    outbox.online(always);
    const items = Array.from({ length: IN_FLIGHT + 3 }, (_, index) => outbox.add('#a', `${index}`));
    expect(sent).toHaveLength(IN_FLIGHT);
    outbox.confirm(items[0]?.token ?? '');
    expect(sent).toHaveLength(IN_FLIGHT + 1);
  });

  it('takes no more than it can hold', () => {
    const outbox = make();
    for (let index = 0; index < CAPACITY; index++) expect(outbox.add('#a', 'x')).toBeDefined();
    expect(outbox.add('#a', 'x')).toBeUndefined();
  });

  it('says after 10 s that it is slow and after 30 s that it failed', () => {
    const outbox = make();
    outbox.online(always);
    outbox.add('#a', 'one');
    clock.advance(SLOW_AFTER);
    expect(outbox.items()[0]).toMatchObject({ state: 'sending', slow: true });
    clock.advance(FAIL_AFTER - SLOW_AFTER);
    expect(outbox.items()[0]).toMatchObject({ state: 'failed', slow: false });
  });

  it('asks before sending what is older than an hour', () => {
    const outbox = make();
    outbox.add('#a', 'old');
    clock.advance(ASK_AFTER + 1);
    outbox.add('#a', 'new');
    outbox.online(always);
    expect(sent).toEqual([]);
    expect(states(outbox)).toEqual(['old held', 'new waiting']);
    outbox.release();
    expect(sent).toEqual(['#a old', '#a new']);
  });
});

describe.each([
  ['memory', (): Promise<OutboxStore> => Promise.resolve(new MemoryStore())],
  ['IndexedDB', (): Promise<OutboxStore> => openStore(new IDBFactory())],
])('what is kept in %s', (_, open) => {
  it('survives a reload, in order, without what was confirmed or belongs to others', async () => {
    const kept = await open();
    const before = make(kept);
    before.add('#a', 'one');
    const second = before.add('#a', 'two');
    before.add('#a', 'three');
    await kept.put({
      token: 'x',
      scope: 'server/bea',
      target: '#a',
      text: 'not mine',
      type: 'message',
      createdAt: 1,
      order: 1,
    } satisfies OutboxItem);
    before.confirm(second?.token ?? '');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const after = make(kept);
    await after.restore();
    after.online(always);
    expect(sent).toEqual(['#a one', '#a three']);
  });

  it('remembers a failure', async () => {
    const kept = await open();
    const before = make(kept);
    before.online(always);
    const item = before.add('#a', 'one');
    before.fail(item?.token ?? '', 'not allowed');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const after = make(kept);
    await after.restore();
    expect(after.items()[0]).toMatchObject({ state: 'failed', item: { failure: 'not allowed' } });
  });
});

it('falls back to memory where the database cannot be opened', async () => {
  const broken = {
    open: () => {
      throw new Error('no');
    },
  } as unknown as IDBFactory;
  expect(await openStore(broken)).toBeInstanceOf(MemoryStore);
  expect(await openStore(undefined)).toBeInstanceOf(MemoryStore);
});
