import { handOver as handOverPlain, PortcullisError, type HandedOver, type HandOverSettings } from '@portcullis/core';
import { loadPlatform } from './platform.js';
import { resolveParts } from './parts.js';

/**
 * Makes sockets safely, starts a program that inherits them, and closes our own copies: see `HandOverSettings`.
 * @throws PortcullisError `LISTEN_*`, `PROGRAM_UNTRUSTED`, `PROGRAM_FAILED`, `PLATFORM_UNSUPPORTED`, `PLATFORM_PROBE`
 */
export async function handOver(settings: HandOverSettings): Promise<HandedOver> {
  const { listenPort } = resolveParts(await loadPlatform());
  if (listenPort === undefined) throw new PortcullisError('PLATFORM_UNSUPPORTED', 'sockets cannot be made safely on this platform');
  return handOverPlain({ ...settings, listenPort });
}
