export { Outbox, type OutboxHandlers, type OutboxState } from './outbox';
export { MemoryStore, openStore, type OutboxItem, type OutboxStore } from './store';
