export { parseMarker, printMarker, ReadState, type Unread } from './readstate';
