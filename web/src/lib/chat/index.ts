export { Chat } from './chat';
export type { Device } from './devices';
export type { ChatEvent, RoomInfo, WhoIs } from './events';
export { Room, type Member, type RoomKind } from './room';
export type { Memory } from './memory';
export type { ChatOptions } from './options';
