export { Connection, type ConnectionHandlers } from './connection';
export type { ConnectionState, Credentials, LossCause, Refusal, SignIn, StopReason } from './state';
