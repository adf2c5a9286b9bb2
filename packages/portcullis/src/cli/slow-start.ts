import { statSync } from 'node:fs';
import type { GatewaySpec } from '../gateway/gateway-spec.js';
import { say } from './exit.js';

/** As much YAML takes a second or more. */
const SLOW_BYTES = 2 * 1024 * 1024;

/** Says before the policies are read that it will take a while, where it will: nothing listens meanwhile. */
export function tellSlowStart({ listeners }: Pick<GatewaySpec, 'listeners'>): void {
  const paths = new Set(listeners.flatMap(({ policy, candidate }) => (candidate === undefined ? [policy] : [policy, candidate])));
  let bytes = 0;
  for (const path of paths) bytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > SLOW_BYTES) say(`portcullis: reading policies of ${(bytes / 1024 / 1024).toFixed(1)} MiB, which takes a while; what \`portcullis compile\` makes of them is read faster`);
}
