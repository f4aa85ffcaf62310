import type { Observable } from '$lib/observable';
import { createSubscriber } from 'svelte/reactivity';

const subscribers = new WeakMap<Observable, () => void>();

/**
 * Makes what is read from `object` follow its changes: the one seam between the logic, which knows nothing of
 * Svelte, and the components. Call it where the value is read: `$derived(track(room).unread)`.
 */
export function track<T extends Observable>(object: T): T {
  let subscribe = subscribers.get(object);
  if (!subscribe) {
    subscribe = createSubscriber((update) => object.subscribe(update));
    subscribers.set(object, subscribe);
  }
  subscribe();
  return object;
}
