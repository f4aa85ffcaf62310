export type { Entry, EventEntry, EventType, GapEntry, MessageEntry, MessageState, NoteEntry } from './entry';
export {
  RowBuilder,
  summarise,
  type Change,
  type EventsRow,
  type MessageRow,
  type NoticeLevel,
  type Row,
} from './rows';
export { ENTRIES_MAX, Timeline, TRIM, type Reach } from './timeline';
