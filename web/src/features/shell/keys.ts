import type { App } from './app.svelte';

const lastFocus = new WeakMap<Element, HTMLElement>();

/** F6: the next part of the window, where the focus was when it was there last. */
export function cycleRegion(backwards: boolean): void {
  const regions = [...document.querySelectorAll<HTMLElement>('[data-region]')].filter(
    (region) => region.offsetParent !== null || region.offsetHeight > 0,
  );
  if (regions.length === 0) return;
  const focused = document.activeElement;
  const current = regions.findIndex((region) => region.contains(focused));
  const region = regions[current];
  if (region && focused instanceof HTMLElement) lastFocus.set(region, focused);
  const step = backwards ? -1 : 1;
  for (let turn = 1; turn <= regions.length; turn++) {
    const next = regions[(current + step * turn + regions.length * 2) % regions.length];
    if (!next) continue;
    const remembered = lastFocus.get(next);
    const stops = [
      ...next.querySelectorAll<HTMLElement>('textarea, [tabindex="0"], button:not([tabindex]), input'),
    ];
    const visible = stops.filter((stop) => stop.getClientRects().length > 0);
    const target = remembered?.isConnected
      ? remembered
      : (visible.find((stop) => stop.tabIndex === 0 && stop.dataset['row'] !== undefined) ?? visible[0]);
    if (target) {
      target.focus();
      return;
    }
  }
}

/** The rooms in the order of the list. */
function listed(app: App): string[] {
  return [...document.querySelectorAll<HTMLElement>('[data-testid="room-item"]')]
    .map((item) => item.dataset['room'] ?? '')
    .filter((name) => app.chat.find(name) !== undefined);
}

function stepRoom(app: App, step: 1 | -1, wanted: (name: string) => boolean): void {
  const names = listed(app);
  const current = names.indexOf(app.chat.active?.name ?? '');
  for (let turn = 1; turn <= names.length; turn++) {
    const name = names[(current + step * turn + names.length * (turn + 1)) % names.length];
    const room = name === undefined || !wanted(name) ? undefined : app.chat.find(name);
    if (room && room !== app.chat.active) {
      app.openRoom(room);
      return;
    }
  }
}

function isField(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** The keys that work anywhere in the window. */
export function handleKey(app: App, event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const command = event.ctrlKey || event.metaKey;
  const done = (): void => event.preventDefault();

  if (command && !event.altKey && event.key.toLowerCase() === 'k') {
    done();
    app.show(app.overlay === 'switcher' ? undefined : 'switcher');
    return;
  }
  if (app.overlay !== undefined) return;
  if ((command && event.key === '/') || (event.key === '?' && !isField(event.target))) {
    done();
    app.show('shortcuts');
    return;
  }
  if (event.key === 'F6') {
    done();
    cycleRegion(event.shiftKey);
    return;
  }
  if (event.altKey && !command && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
    done();
    const step = event.key === 'ArrowDown' ? 1 : -1;
    stepRoom(app, step, (name) => !event.shiftKey || (app.chat.find(name)?.unread.count ?? 0) > 0);
    return;
  }
  if (event.altKey && !command && event.key.toLowerCase() === 'a') {
    done();
    const rooms = app.chat.rooms;
    const next =
      rooms.find(
        (room) =>
          room !== app.chat.active &&
          (room.unread.mentions > 0 || (room.kind === 'direct' && room.unread.count > 0)),
      ) ?? rooms.find((room) => room !== app.chat.active && room.unread.count > 0);
    if (next) app.openRoom(next);
    return;
  }
  if (command || event.altKey) return;
  // Typing with the focus nowhere in particular goes to the composer.
  if (
    event.key.length === 1 &&
    (document.activeElement === document.body || document.activeElement === null)
  ) {
    document.querySelector<HTMLElement>('[data-testid="composer"]')?.focus();
  }
}
