import { BrowserPlatform } from './browser';
import type { Platform } from './platform';

export type { Platform, Settings, Theme } from './platform';

/** The platform we run on. The desktop's part is loaded only there. */
export async function detectPlatform(): Promise<Platform> {
  if (!('__TAURI_INTERNALS__' in window)) return new BrowserPlatform();
  const { DesktopPlatform } = await import('./desktop');
  return new DesktopPlatform();
}
