import { openPid } from '@portcullis/attestor-linux';
import { SystemdAttestor } from '@portcullis/attestor-systemd';
import { isRefusal, type Pid } from '@portcullis/core';
import { attestorConformance } from '@portcullis/core/conformance';
import { attached } from './support/ask.js';
import { Buses } from './support/buses.js';
import { PeerInUnit } from './support/peer-in-unit.js';

describe('the systemd attestor, by the conformance kit', () => {
  let buses: Buses | undefined;
  let peer: PeerInUnit | undefined;

  before(async function () {
    Buses.need(this);
    buses = new Buses();
    peer = new PeerInUnit('conformance');
    await buses.daemon();
    await buses.service({ [peer.pid]: { id: peer.unit, cgroup: peer.cgroup, fragment: '/lib/systemd/system/x.service', invocation: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' } });
  });
  after(async () => {
    await peer?.close();
    await buses?.close();
  });

  attestorConformance({ describe, it }, {
    deadlineMs: 30_000,
    setup() {
      const [bus, process] = [buses, peer];
      if (bus === undefined || process === undefined) throw new Error('nothing was started');
      return {
        attestor: attached(new SystemdAttestor({ busPath: bus.path, timeoutMs: 20_000 })),
        given: process.given,
        open: () => {
          const opened = openPid(process.pid as Pid);
          if (isRefusal(opened)) throw new Error(opened.detail);
          return opened;
        },
      };
    },
  });
});
