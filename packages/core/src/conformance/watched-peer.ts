import type { Peer } from '../peer.js';

/** A peer that tells what was asked of it after it was put away. */
export interface WatchedPeer {
  readonly peer: Peer;
  /** From now on nobody may ask anything of it. */
  putAway(): void;
  /** The properties that somebody asked for since. */
  readonly touched: readonly string[];
}

/** Behaves as the peer does, an instance of its class included: its methods run on the peer itself. */
export function watchPeer(inner: Peer): WatchedPeer {
  const touched: string[] = [];
  let away = false;
  const peer = new Proxy(inner, {
    get(target, name) {
      if (away) touched.push(String(name));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { peer, touched, putAway() { away = true; } };
}
