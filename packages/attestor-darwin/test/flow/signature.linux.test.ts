import assert from 'node:assert/strict';
import type { SelectorKey } from '@portcullis/core';
import { CS_FLAGS } from '../../dist/ffi/constants.js';
import type { ErrnoName } from '../../dist/ffi/errno.js';
import { needStandIn } from '../support/features.js';
import { attest, brief, connectionOf, DarwinAttestor, DarwinPeerSource, opened, Stage } from '../support/stage.js';
import { QUESTION, StandIn } from '../support/standin.js';
import { csTextBytes } from '../structures.js';

const { SIGNED, VALID, ADHOC, RUNTIME, GET_TASK_ALLOW, DEBUGGED, PLATFORM_BINARY } = CS_FLAGS;
const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

describe('attestor-darwin: code signing', () => {
  let standIn: StandIn;
  let stage: Stage;
  let attestor: DarwinAttestor;
  before(function () { needStandIn(this); standIn = new StandIn(); });
  beforeEach(async () => { stage = await Stage.open(); attestor = new DarwinAttestor(); });
  afterEach(async () => { standIn.honest(); stage.close(); await attestor.close(); });

  async function said(...keys: SelectorKey[]): Promise<readonly string[]> {
    const { socket } = await stage.connected();
    const findings = await attest(attestor, opened(new DarwinPeerSource({ libc: standIn.libc }).open(connectionOf(socket))), ...keys);
    return keys.map((key) => {
      const finding = findings.get(key);
      return `${brief(finding)}${finding?.state === 'present' && finding.tier !== undefined ? ` ${finding.tier}` : ''}`;
    });
  }

  const NAMES: SelectorKey[] = ['darwin:cdhash', 'darwin:team-id', 'darwin:signing-id'];

  for (const [title, flags, state] of [
    ['signed', SIGNED | VALID, 'valid'],
    ['signed by nobody', SIGNED | VALID | ADHOC, 'adhoc'],
    ['signed, and changed since', SIGNED, 'invalid'],
    ['not signed', 0, 'none'],
  ] as const) {
    it(`tells code that is ${title}`, async () => {
      standIn.answer(QUESTION.CS_STATUS, word(flags));
      assert.deepEqual(await said('darwin:signature'), [`present ${state}`]);
    });
  }

  it('has no hash and no names of unsigned code: absent', async () => {
    standIn.answer(QUESTION.CS_STATUS, word(0));
    assert.deepEqual(await said(...NAMES), ['absent', 'absent', 'absent']);
  });

  it('believes neither hash nor names of a signature that does not fit any more', async () => {
    standIn.answer(QUESTION.CS_STATUS, word(SIGNED));
    assert.deepEqual(await said(...NAMES), ['unknown foreign-code', 'unknown foreign-code', 'unknown foreign-code']);
  });

  it('takes nobody\'s word for code that a debugger changed, though the kernel still has what the signature said', async () => {
    standIn.answer(QUESTION.CS_STATUS, word(SIGNED | DEBUGGED | RUNTIME | PLATFORM_BINARY));
    standIn.answer(QUESTION.CS_CATEGORY, word(1));
    const vouched = await said('darwin:validation-category', 'darwin:platform-binary', 'darwin:hardened-runtime');
    assert.deepEqual(vouched, ['unknown foreign-code', 'unknown foreign-code', 'unknown foreign-code']);
    standIn.answer(QUESTION.CS_STATUS, word(SIGNED | DEBUGGED));
    assert.deepEqual(await said('darwin:platform-binary', 'darwin:hardened-runtime', 'darwin:debugged'), ['present false', 'present false', 'present true']);
  });

  it('has no category of unsigned code, of which the kernel answers EINVAL or EBADEXEC: absent', async () => {
    for (const errno of ['EINVAL', 'EBADEXEC'] as const) {
      standIn.answer(QUESTION.CS_STATUS, word(0));
      standIn.fail(QUESTION.CS_CATEGORY, errno);
      assert.deepEqual(await said('darwin:validation-category'), ['absent']);
    }
  });

  for (const [key, flag] of [['darwin:hardened-runtime', RUNTIME], ['darwin:get-task-allow', GET_TASK_ALLOW], ['darwin:debugged', DEBUGGED], ['darwin:platform-binary', PLATFORM_BINARY]] as const) {
    it(`${key} is one flag and no other`, async () => {
      standIn.answer(QUESTION.CS_STATUS, word(flag));
      assert.deepEqual(await said(key), ['present true']);
      standIn.answer(QUESTION.CS_STATUS, word(~flag >>> 0));
      assert.deepEqual(await said(key), ['present false']);
    });
  }

  it('takes a team and an identifier for what the peer says, unless Apple vouches for the signature', async () => {
    standIn.answer(QUESTION.CS_STATUS, word(SIGNED | VALID));
    standIn.answer(QUESTION.CS_TEAMID, csTextBytes('EQHXZ8M8AV'));
    standIn.answer(QUESTION.CS_IDENTITY, csTextBytes('com.example.tool'));
    for (const [category, tier] of [[6, ''], [4, ''], [1, ''], [10, ' peer-asserted'], [7, ' peer-asserted'], [8, ' peer-asserted'], [99, ' peer-asserted']] as const) {
      standIn.answer(QUESTION.CS_CATEGORY, word(category));
      assert.deepEqual(await said('darwin:team-id', 'darwin:signing-id'), [`present EQHXZ8M8AV${tier}`, `present com.example.tool${tier}`], String(category));
    }
    standIn.fail(QUESTION.CS_CATEGORY, 'EPERM');
    assert.deepEqual(await said('darwin:team-id', 'darwin:validation-category'), ['present EQHXZ8M8AV peer-asserted', 'unknown kernel-unsupported']);
  });

  it('names the category that the kernel knows, and no other', async () => {
    standIn.answer(QUESTION.CS_CATEGORY, word(6));
    assert.deepEqual(await said('darwin:validation-category'), ['present developer-id']);
    for (const category of [0, 11]) {
      standIn.answer(QUESTION.CS_CATEGORY, word(category));
      assert.deepEqual(await said('darwin:validation-category'), ['unknown kernel-unsupported']);
    }
  });

  for (const [errno, why] of [['ESRCH', 'peer-exited'], ['EINVAL', 'kernel-unsupported'], ['EBADEXEC', 'system-error'], ['ERANGE', 'limit'], ['EPERM', 'permission']] as [ErrnoName, string][]) {
    it(`${errno} of csops_audittoken is unknown: ${why}`, async () => {
      standIn.fail(QUESTION.CS_CDHASH, errno);
      standIn.fail(QUESTION.CS_TEAMID, errno);
      assert.deepEqual(await said('darwin:cdhash', 'darwin:team-id'), [`unknown ${why}`, `unknown ${why}`]);
      standIn.fail(QUESTION.CS_STATUS, errno);
      assert.deepEqual(await said('darwin:cdhash', 'darwin:debugged'), [`unknown ${why}`, `unknown ${why}`]);
    });
  }

  for (const [title, bytes] of [
    ['whose header tells of more than there is', Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1, 0, 0]), Buffer.from('TEAM\0')])],
    ['without a NUL at its end', Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 12]), Buffer.from('TEAM')])],
    ['with a NUL inside', csTextBytes('TE\0AM')],
    ['of its header alone', Buffer.from([0, 0, 0, 0, 0, 0, 0, 8])],
  ] as const) {
    it(`refuses a team id ${title}`, async () => {
      standIn.answer(QUESTION.CS_TEAMID, bytes);
      assert.deepEqual(await said('darwin:team-id'), ['unknown kernel-unsupported']);
    });
  }

  it('refuses a team id that is not UTF-8, or empty (I11)', async () => {
    standIn.answer(QUESTION.CS_TEAMID, csTextBytes(Buffer.from([0xff, 0xfe])));
    assert.deepEqual(await said('darwin:team-id'), ['unknown undecodable']);
    standIn.answer(QUESTION.CS_TEAMID, csTextBytes(''));
    assert.deepEqual(await said('darwin:team-id'), ['unknown undecodable']);
  });
});
