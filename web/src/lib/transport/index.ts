export {
  OpenError,
  type CloseReason,
  type OpenErrorKind,
  type Target,
  type Transport,
  type TransportEvents,
} from './transport';
export { WebSocketTransport } from './websocket';
