import { attestorConformance } from '@portcullis/core/conformance';
import { isRefusal, type Attestor } from '@portcullis/core';
import { fakePeerSource } from '@portcullis/core/testing';
import type { ContainerAttestor } from '@portcullis/attestor-container';
import { requireFeature } from '@portcullis/testkit';
import { attestorOf, container, Daemon, DIGEST, given, IMAGE_ID, json } from './support/asking.js';

/** What the platform would have anchored: the kit asks with needs that are absent, and the daemon would never be asked. */
function anchored(inner: ContainerAttestor): Attestor {
  return {
    name: inner.name,
    selectors: inner.selectors.map((definition) => ({ ...definition, needs: [] })),
    attest: (peer, wanted, signal) => inner.attest(peer, wanted, signal, given()),
    close: () => { inner.close(); },
  };
}

const IMAGE = json(JSON.stringify({ Id: IMAGE_ID, RepoDigests: [`demo@${DIGEST}`] }));
const answers = (): Daemon => new Daemon((socket, request) => { socket.end(request.includes('/images/') ? IMAGE : json(container())); });
const silent = (): Daemon => new Daemon(() => undefined);

for (const [title, wrap, daemonOf] of [
  ['of a peer in no container', (inner: ContainerAttestor): Attestor => inner, answers],
  ['of a peer in a container', anchored, answers],
  ['whose daemon never answers', anchored, silent],
] as const) {
  describe(`the attestor of containers, ${title}, by the conformance kit`, () => {
    let daemon: Daemon | undefined;
    before(function () { requireFeature(this, 'linux', process.platform === 'linux', 'the daemon is verified by the Linux attestor'); });
    attestorConformance({ describe, it }, {
      async setup() {
        daemon = await daemonOf().start();
        return {
          attestor: wrap(attestorOf({ socket: daemon.path, cacheMs: 0, timeoutMs: daemonOf === silent ? 30 : 2000 })),
          open: () => {
            const peer = fakePeerSource({ uid: 1000 }).open({ fd: undefined, origin: undefined });
            if (isRefusal(peer)) throw new Error(peer.detail);
            return peer;
          },
        };
      },
      async teardown() {
        await daemon?.close();
      },
    });
  });
}
