import { isRefusal, type Peer } from '@portcullis/core';
import { attestorConformance } from '@portcullis/core/conformance';
import { LinuxAttestor, LinuxPeerSource } from '@portcullis/attestor-linux';
import { connectionOf } from './support/attesting.js';
import { needPeers } from './support/features.js';
import { Stage } from './support/stage.js';

type Puppet = Awaited<ReturnType<Stage['connectedPuppet']>>;

/** Real processes that connected to a socket of ours. */
class Clients {
  readonly #source = new LinuxPeerSource();
  #stage: Stage | undefined;
  #living: Puppet | undefined;

  /** Another look at the one process that lives; a new one after it was killed. */
  async open(): Promise<Peer> {
    this.#stage ??= await Stage.open();
    this.#living ??= await this.#stage.connectedPuppet({ env: { TEAM: 'red' } });
    const peer = this.#source.open(connectionOf(this.#living.socket));
    if (isRefusal(peer)) throw new Error(`refused: ${peer.refused}`);
    return peer;
  }

  async kill(): Promise<void> {
    await this.#living?.puppet.kill();
    this.#living = undefined;
  }

  async remove(): Promise<void> {
    await this.#stage?.close();
  }
}

describe('the Linux attestor, by the conformance kit', function () {
  before(function () {
    needPeers(this);
  });

  let clients: Clients | undefined;
  attestorConformance({ describe, it }, {
    kills: true,
    deadlineMs: 30_000,
    mayKeep: 8, // the cache of processes keeps an image's descriptors
    setup() {
      const made = (clients = new Clients());
      return { attestor: new LinuxAttestor(), open: () => made.open(), kill: () => made.kill(), familyKeys: ['env:TEAM', 'env:NOT_THERE'] };
    },
    async teardown() {
      await clients?.remove();
    },
  });
});
