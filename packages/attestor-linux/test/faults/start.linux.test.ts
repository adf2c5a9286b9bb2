import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { PortcullisError } from '@portcullis/core';
import { probeCapabilities, type Capabilities } from '@portcullis/attestor-linux';
import { needLinux, port, Scratch } from '../listen/scratch.js';
import { openDescriptors } from '../support/descriptors.js';
import { ERRNOS } from '../support/errnos.js';
import { injectFaults } from '../support/faults.js';

/** Fails each call of `act` with each errno in turn, `prepare`d anew; `see` is told what came of it. Returns how often it threw. */
function withEachFault<T>(act: () => T, see: (result: T | PortcullisError, what: string) => void, prepare?: () => void): number {
  let refused = 0;
  for (const errno of ERRNOS) {
    for (let at = 1, name: string | undefined; ; at += 1, name = undefined) {
      prepare?.();
      const stop = injectFaults((call) => (call.count === at ? ((name = call.name), { errno }) : undefined));
      let result: T | PortcullisError;
      try {
        result = act();
      } catch (error) {
        if (!(error instanceof PortcullisError)) throw error;
        result = error;
        refused += 1;
      } finally {
        stop();
      }
      see(result, `errno ${String(errno)} at call ${String(at)}, ${name ?? ''}`);
      if (name === undefined) break;
    }
  }
  return refused;
}

describe('faults at the door while a gateway starts', () => {
  let scratch: Scratch;
  before(function () { needLinux(this); });
  beforeEach(() => { scratch = new Scratch(); });
  afterEach(() => { scratch.remove(); });

  it('T20: the look at this kernel fails with a code, or finds no more than there is', () => {
    const truth = probeCapabilities();
    const before = openDescriptors();
    const refused = withEachFault(probeCapabilities, (found, what) => {
      if (found instanceof PortcullisError) assert.equal(found.code, 'PLATFORM_PROBE', what);
      else for (const name of Object.keys(truth) as (keyof Capabilities)[]) assert.ok(noMore(found[name], truth[name]), `${what}: ${name}`);
      assert.equal(openDescriptors(), before, what);
    });
    assert.ok(refused > 0);
  });

  it('T20: a moment without descriptors or memory never costs the strong pin', () => {
    const moments = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EINTR']);
    withEachFault(probeCapabilities, (found, what) => {
      if (!(found instanceof PortcullisError)) return;
      moments.delete(/: ([A-Z]+)$/.exec(found.message)?.[1] ?? what);
    });
    assert.deepEqual([...moments], []);
  });

  for (const found of ['nothing', 'stale'] as const) {
    it(`T18, T20: safe listen fails with a code or listens, and the next attempt at that path does (${found} at the path)`, () => {
      const path = scratch.at('s');
      const listen = (): void => {
        const bound = port.bind({ path });
        bound.release();
        closeSync(bound.fd);
      };
      const before = openDescriptors();
      const refused = withEachFault(listen, (result, what) => {
        if (result instanceof PortcullisError) assert.match(result.code, /^LISTEN_/, what);
        assert.equal(openDescriptors(), before, what);
        listen();
      }, () => { if (found === 'stale') scratch.stale(path); });
      assert.ok(refused > 0);
    });
  }
});

function noMore(found: unknown, truth: unknown): boolean {
  return found === false || found === undefined || isDeepStrictEqual(found, truth);
}
