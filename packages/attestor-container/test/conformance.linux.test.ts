import { attestorConformance } from '@portcullis/core/conformance';
import { isRefusal } from '@portcullis/core';
import { fakePeerSource } from '@portcullis/core/testing';
import { requireFeature } from '@portcullis/testkit';
import { attestorOf, container, Daemon, DIGEST, given, IMAGE_ID, json } from './support/asking.js';

const IMAGE = json(JSON.stringify({ Id: IMAGE_ID, RepoDigests: [`demo@${DIGEST}`] }));
const answers = (): Daemon => new Daemon((socket, request) => { socket.end(request.includes('/images/') ? IMAGE : json(container())); });
const silent = (): Daemon => new Daemon(() => undefined);

for (const [title, anchored, daemonOf] of [
  ['of a peer in no container', new Map(), answers],
  ['of a peer in a container', given(), answers],
  ['whose daemon never answers', given(), silent],
] as const) {
  describe(`the attestor of containers, ${title}, by the conformance kit`, () => {
    let daemon: Daemon | undefined;
    before(function () { requireFeature(this, 'linux', process.platform === 'linux', 'the daemon is verified by the Linux attestor'); });
    attestorConformance({ describe, it }, {
      async setup() {
        daemon = await daemonOf().start();
        return {
          attestor: attestorOf({ socket: daemon.path, cacheMs: 0, timeoutMs: daemonOf === silent ? 30 : 2000 }),
          given: anchored,
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
