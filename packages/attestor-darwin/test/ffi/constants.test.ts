import assert from 'node:assert/strict';
import * as constants from '../../dist/ffi/constants.js';

describe('attestor-darwin: constants', () => {
  // a number that changes here was either wrong before or is wrong now: both deserve a second look at the header
  it('has the numbers of the xnu headers', () => {
    assert.deepEqual(
      { ...constants },
      {
        AF_UNIX: 1,
        SOCK_STREAM: 1,
        SOCK_DGRAM: 2,
        SOL_SOCKET: 0xffff,
        SO_TYPE: 0x1008,
        SOL_LOCAL: 0,
        LOCAL_PEERCRED: 1,
        LOCAL_PEERPID: 2,
        LOCAL_PEEREPID: 3,
        LOCAL_PEERUUID: 4,
        LOCAL_PEERTOKEN: 6,
        XUCRED_VERSION: 0,
        NGROUPS: 16,
        NO_ID: 0xffff_ffff,
        PROC_PIDPATHINFO_MAXSIZE: 4096,
        PROC_PIDUNIQIDENTIFIERINFO: 17,
        CS_OPS_STATUS: 0,
        CS_OPS_CDHASH: 5,
        CS_OPS_IDENTITY: 11,
        CS_OPS_TEAMID: 14,
        CS_OPS_VALIDATION_CATEGORY: 17,
        CS_CDHASH_LEN: 20,
        CS_FLAGS: {
          VALID: 1,
          ADHOC: 2,
          GET_TASK_ALLOW: 4,
          RUNTIME: 0x10000,
          PLATFORM_BINARY: 0x04000000,
          DEBUGGED: 0x10000000,
          SIGNED: 0x20000000,
        },
        CS_VALIDATION_CATEGORIES: new Map([
          [1, 'platform'], [2, 'testflight'], [3, 'development'], [4, 'app-store'], [5, 'enterprise'],
          [6, 'developer-id'], [7, 'local-signing'], [8, 'rosetta'], [9, 'oop-jit'], [10, 'none'],
        ]),
        RLIMIT_NOFILE: 8,
        OPEN_MAX: 10240,
        F_SETFD: 2,
        FD_CLOEXEC: 1,
        EVFILT_PROC: -5,
        EV_ADD: 1,
        EV_DELETE: 2,
        EV_ONESHOT: 0x10,
        EV_RECEIPT: 0x40,
        EV_ERROR: 0x4000,
        NOTE_EXIT: 0x8000_0000,
      },
    );
  });
});
