export { Chat, type ChatOptions, type Memory } from './chat';
export type { ChatEvent, RoomInfo, WhoIs } from './events';
export { Room, type Member, type RoomKind } from './room';
