import type { OpenError, Target } from '../transport';

/** Who signs in, and how. */
export interface Credentials {
  readonly nick: string;
  readonly account: 'guest' | 'login' | 'register';
  /** The account's name, where it is not the nick. */
  readonly login?: string;
  /** Kept no longer than until the server gives this device a token. */
  readonly password?: string;
  /** What this device has instead of the password: it was signed in to the account before. */
  readonly token?: string;
}

/** Why a connection is not there any more, or could not be opened. */
export type LossCause =
  | { readonly kind: 'unreachable'; readonly error: OpenError }
  /** The connection broke, or nothing answered for too long. */
  | { readonly kind: 'lost'; readonly message: string }
  /** The server said goodbye with ERROR. */
  | { readonly kind: 'server-closed'; readonly reason: string };

/** What the server did not accept while signing in; the connection is kept. */
export interface Refusal {
  readonly field: 'name' | 'password' | 'account';
  readonly code:
    | 'taken'
    | 'reserved'
    | 'invalid'
    | 'wrong-password'
    /** This device is not signed in any more; the password is needed again. */
    | 'signed-out'
    | 'weak-password'
    | 'account-exists'
    | 'unsupported'
    | 'other';
  readonly nick: string;
  /** The server's own words. */
  readonly reason: string;
}

export type StopReason =
  /** Our own doing. */
  | { readonly kind: 'quit' }
  | { readonly kind: 'banned'; readonly reason: string }
  /** The certificate, or TLS itself, did not hold: asking again by itself would be wrong. */
  | { readonly kind: 'untrusted'; readonly error: OpenError };

export type ConnectionState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting'; readonly attempt: number }
  | { readonly kind: 'registering'; readonly attempt: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly connected: boolean }
  | { readonly kind: 'online' }
  | {
      readonly kind: 'waiting';
      readonly attempt: number;
      readonly retryAt: number;
      readonly cause: LossCause;
    }
  | { readonly kind: 'stopped'; readonly reason: StopReason };

/** One person at one server. */
export interface SignIn {
  readonly target: Target;
  readonly credentials: Credentials;
}
