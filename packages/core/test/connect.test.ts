import assert from 'node:assert/strict';
import { fstatSync, openSync } from 'node:fs';
import { connectVerified, PortcullisError, ServerRefused, unknown, type ConnectOptions, type ConnectPort, type Fd, type PeerRefusal } from '@portcullis/core';
import { allowUids, fakeAttestor, fakeDefinition, fakePeerSource, stubPolicy } from '@portcullis/core/testing';

const INHERITED: PeerRefusal = { refused: 'listener-inherited', detail: 'somebody else serves' };

describe('verified connect', () => {
  let connected: Fd[];
  beforeEach(() => { connected = []; });

  /** A port whose connections are descriptors that can be seen to be closed. */
  function port(more: Partial<ConnectPort> = {}): ConnectPort {
    const connect = (): Fd => {
      const fd = openSync('/dev/null', 'r') as Fd;
      connected.push(fd);
      return fd;
    };
    return { connect, examine: () => undefined, ...more };
  }

  function options(more: Partial<ConnectOptions> = {}): ConnectOptions {
    return { policy: allowUids(1000), peerSource: fakePeerSource(), attestors: [fakeAttestor()], connectPort: port(), ...more };
  }

  async function failure(more: Partial<ConnectOptions>, target: string | { readonly fd: number } = '/run/server'): Promise<PortcullisError> {
    const error = await connectVerified(target, options(more)).then(() => assert.fail('it was admitted'), (reason: unknown) => reason);
    assert.ok(error instanceof PortcullisError, error as Error);
    for (const fd of connected) assert.throws(() => fstatSync(fd), { code: 'EBADF' }, 'the connection was left open');
    return error;
  }

  async function refusal(more: Partial<ConnectOptions>): Promise<ServerRefused> {
    const error = await failure(more);
    assert.ok(error instanceof ServerRefused, error);
    return error;
  }

  const never = new Promise<never>(() => undefined);

  describe('ends at its timeout', () => {
    it('where names are not resolved, before there is a connection', async () => {
      const { code } = await failure({ timeoutMs: 20, attestors: [fakeAttestor({ prepare: () => never })] });
      assert.equal(code, 'CONNECT_TIMEOUT');
      assert.deepEqual(connected, []);
    });

    it('where the policy does not come, before there is a connection', async () => {
      assert.equal((await failure({ timeoutMs: 20, policy: () => never })).code, 'CONNECT_TIMEOUT');
      assert.deepEqual(connected, []);
    });

    it('where the queue stays full', async () => {
      assert.equal((await failure({ timeoutMs: 20, connectPort: port({ connect: () => undefined }) })).code, 'CONNECT_TIMEOUT');
    });

    it('where an attestor does not answer: the timeout covers the verification', async () => {
      assert.equal((await failure({ timeoutMs: 20, attestors: [fakeAttestor({ attest: () => never })] })).code, 'CONNECT_TIMEOUT');
      assert.equal(connected.length, 1);
    });

    it('where what never waits takes too long', async () => {
      const examine = (): undefined => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30); };
      assert.equal((await failure({ timeoutMs: 20, connectPort: port({ examine }) })).code, 'CONNECT_TIMEOUT');
    });
  });

  describe('is refused', () => {
    it('by the policy, and says whose the server is', async () => {
      const { code, facts, admission } = await refusal({ policy: allowUids(1) });
      assert.deepEqual([code, facts['cause'], facts['uid']], ['SERVER_REFUSED', 'default', 1000]);
      assert.equal(admission.peer?.uid, 1000);
    });

    it('where the listener was inherited, though the policy allows', async () => {
      const { facts } = await refusal({ connectPort: port({ examine: () => INHERITED }) });
      assert.deepEqual([facts['cause'], facts['code']], ['peer-refused', 'listener-inherited']);
    });

    it('by the policy where the maker of the listener may be judged', async () => {
      const { facts } = await refusal({ policy: allowUids(1), inherited: 'allow', connectPort: port({ examine: () => INHERITED }) });
      assert.deepEqual([facts['cause'], facts['code']], ['default', undefined]);
    });

    it('for anything else that is examined, also where an inherited listener would do', async () => {
      const examine = (): PeerRefusal => ({ refused: 'peer-exited', detail: 'gone' });
      assert.equal((await refusal({ inherited: 'allow', connectPort: port({ examine }) })).facts['code'], 'peer-exited');
    });

    it('where the maker was to be looked at and is gone, though it may be judged', async () => {
      const peerSource = fakePeerSource({ lost: () => ({ refused: 'peer-exited', detail: 'gone' }) });
      const { facts } = await refusal({ peerSource, inherited: 'allow', connectPort: port({ examine: () => INHERITED }) });
      assert.deepEqual([facts['cause'], facts['code']], ['peer-lost', 'listener-inherited']);
    });

    it('where the peer source refuses: nobody examines what is no connection', async () => {
      const peerSource = fakePeerSource(() => ({ refused: 'socket-not-unix', detail: 'TCP' }));
      const examine = (): never => assert.fail('it was examined');
      assert.equal((await refusal({ peerSource, connectPort: port({ examine }) })).facts['code'], 'socket-not-unix');
    });

    it('where an attestor throws (I2)', async () => {
      const { facts, cause } = await refusal({ attestors: [fakeAttestor({ attest: () => { throw new Error('broken'); } })] });
      assert.equal(facts['cause'], 'defect');
      assert.match(String(cause), /broken/);
    });

    it('where its user has no known name, with the id alone', async () => {
      const policy = stubPolicy({ keys: ['unix:user'], allow: () => false });
      const attestors = [fakeAttestor({ selectors: [fakeDefinition('unix:user')], attest: ({ wanted }) => new Map([...wanted].map((key) => [key, unknown('service-down')])) })];
      assert.equal((await refusal({ policy, attestors })).facts['user'], undefined);
    });
  });

  it('lets go of the peer, refused or not', async () => {
    const peerSource = fakePeerSource();
    await refusal({ peerSource, policy: allowUids(1) });
    await failure({ peerSource, connectPort: port({ examine: () => { throw new PortcullisError('CONNECT_SYSTEM', 'broken'); } }) });
    assert.deepEqual(peerSource.peers.map(({ closed }) => closed), [1, 1]);
  });

  it('throws what the examination throws, and admits nobody (I2)', async () => {
    const examine = (): never => { throw new PortcullisError('CONNECT_SYSTEM', 'broken'); };
    assert.equal((await failure({ connectPort: port({ examine }) })).code, 'CONNECT_SYSTEM');
  });

  it('throws what loading the policy throws, before there is a connection', async () => {
    const policy = (): Promise<never> => Promise.reject(new PortcullisError('POLICY_INVALID', 'it has errors'));
    assert.equal((await failure({ policy })).code, 'POLICY_INVALID');
    assert.deepEqual(connected, []);
  });

  it('leaves a descriptor that it was given to its owner where it refuses', async () => {
    const fd = openSync('/dev/null', 'r');
    assert.equal((await failure({ policy: allowUids(1) }, { fd })).code, 'SERVER_REFUSED');
    fstatSync(fd);
  });

  for (const [name, wrong] of Object.entries({ timeoutMs: [0, 1.5, -1, NaN, 2 ** 31], inherited: ['yes', ''] })) {
    for (const value of wrong) {
      it(`does not take ${name}: ${String(value)}`, async () => {
        const { code, facts } = await failure({ [name]: value });
        assert.deepEqual([code, facts['option']], ['CONNECT_OPTIONS', name]);
      });
    }
  }
});
