import { attestorConformance } from '@portcullis/core/conformance';
import { isRefusal, type Attestor } from '@portcullis/core';
import { fakePeerSource } from '@portcullis/core/testing';
import type { ContainerAttestor } from '@portcullis/attestor-container';
import { requireFeature } from '@portcullis/testkit';
import { attestorOf, container, Daemon, DIGEST, given, IMAGE_ID, json } from './support/asking.js';

/** The kit asks with needs that are absent, so that the daemon would never be asked: with an id that the kernel anchored, it is. */
function anchored(inner: ContainerAttestor): Attestor {
  return {
    name: inner.name,
    selectors: inner.selectors.map((definition) => ({ ...definition, needs: [] })),
    attest: (peer, wanted, signal) => inner.attest(peer, wanted, signal, given()),
    close: () => { inner.close(); },
  };
}

for (const [title, wrap] of [['of a peer of the host', (inner: ContainerAttestor): Attestor => inner], ['of a peer in a container', anchored]] as const) {
  describe(`the attestor of containers, ${title}, by the conformance kit`, () => {
    let daemon: Daemon | undefined;
    before(function () { requireFeature(this, 'linux', process.platform === 'linux', 'needs the verified connect of Linux'); });
    attestorConformance({ describe, it }, {
      deadlineMs: 30_000,
      async setup() {
        const image = json(JSON.stringify({ Id: IMAGE_ID, RepoDigests: [`reg/demo@${DIGEST}`] }));
        daemon = await new Daemon((socket, line) => { socket.end(line.includes('/images/') ? image : json(container())); }).start();
        return {
          attestor: wrap(attestorOf({ socket: daemon.path, timeoutMs: 20_000 })),
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
