import assert from 'node:assert/strict';
import * as constants from '../../dist/ffi/constants.js';

describe('attestor-darwin: constants', () => {
  // a number that changes here was either wrong before or is wrong now: both deserve a second look at the header
  it('has the numbers of the xnu headers', () => {
    assert.deepEqual(
      { ...constants },
      {
        SOL_LOCAL: 0,
        LOCAL_PEERCRED: 1,
        LOCAL_PEERPID: 2,
        LOCAL_PEEREPID: 3,
        LOCAL_PEERUUID: 4,
        LOCAL_PEEREUUID: 5,
        LOCAL_PEERTOKEN: 6,
        XUCRED_VERSION: 0,
        NGROUPS: 16,
        PROC_PIDPATHINFO: 11,
        PROC_PIDPATHINFO_MAXSIZE: 4096,
        PROC_PIDUNIQIDENTIFIERINFO: 17,
        SYS_CSOPS_AUDITTOKEN: 170,
        CS_OPS_STATUS: 0,
        CS_OPS_CDHASH: 5,
        CS_OPS_ENTITLEMENTS_BLOB: 7,
        CS_OPS_IDENTITY: 11,
        CS_OPS_TEAMID: 14,
        CS_OPS_VALIDATION_CATEGORY: 17,
        CS_CDHASH_LEN: 20,
        CS_FLAGS: {
          VALID: 1,
          ADHOC: 2,
          GET_TASK_ALLOW: 4,
          HARD: 0x100,
          KILL: 0x200,
          REQUIRE_LV: 0x2000,
          RUNTIME: 0x10000,
          LINKER_SIGNED: 0x20000,
          PLATFORM_BINARY: 0x04000000,
          DEBUGGED: 0x10000000,
          SIGNED: 0x20000000,
        },
        CS_VALIDATION_CATEGORIES: { PLATFORM: 1, APP_STORE: 4, DEVELOPER_ID: 6, LOCAL_SIGNING: 7, NONE: 10 },
      },
    );
  });
});
