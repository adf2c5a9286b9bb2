import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants as os } from 'node:os';
import { join } from 'node:path';
import { requireFeature } from '@portcullis/testkit';
import * as constants from '../../dist/ffi/constants.js';
import { ERRNO } from '../../dist/ffi/errno.js';
import { AUDIT_TOKEN_SIZE, KEVENT_SIZE, UUID_SIZE, XUCRED_SIZE } from '../../dist/ffi/layout.js';
import { needDarwin } from '../support/features.js';

/** What the SDK's headers have: csops and proc_info_private.h are not among them. */
const IN_SDK = [
  'AF_UNIX', 'SOCK_STREAM', 'SOCK_DGRAM', 'SOL_SOCKET', 'SO_TYPE', 'SOL_LOCAL', 'LOCAL_PEERCRED', 'LOCAL_PEERPID', 'LOCAL_PEEREPID', 'LOCAL_PEERUUID',
  'LOCAL_PEERTOKEN', 'XUCRED_VERSION', 'NGROUPS', 'PROC_PIDPATHINFO_MAXSIZE', 'RLIMIT_NOFILE', 'OPEN_MAX', 'F_SETFD', 'FD_CLOEXEC',
  'EVFILT_PROC', 'EV_ADD', 'EV_DELETE', 'EV_ONESHOT', 'EV_RECEIPT', 'EV_ERROR', 'NOTE_EXIT',
] as const satisfies readonly (keyof typeof constants)[];

const SIZES = {
  'sizeof(struct xucred)': XUCRED_SIZE,
  'offsetof(struct xucred, cr_uid)': 4,
  'offsetof(struct xucred, cr_ngroups)': 8,
  'offsetof(struct xucred, cr_groups)': 12,
  'sizeof(audit_token_t)': AUDIT_TOKEN_SIZE,
  'sizeof(uuid_t)': UUID_SIZE,
  'sizeof(struct kevent)': KEVENT_SIZE,
  'offsetof(struct kevent, filter)': 8,
  'offsetof(struct kevent, flags)': 10,
  'offsetof(struct kevent, fflags)': 12,
  'offsetof(struct kevent, data)': 16,
  'sizeof(struct timespec)': 16,
  'sizeof(struct rlimit)': 16,
  'sizeof(((struct sockaddr_un *)0)->sun_path)': 104,
  'offsetof(struct sockaddr_un, sun_path)': 2,
  'sizeof(mode_t)': 2,
} as const;

const HEADERS = ['stddef.h', 'stdio.h', 'time.h', 'fcntl.h', 'libproc.h', 'mach/message.h', 'uuid/uuid.h', 'sys/types.h', 'sys/event.h', 'sys/param.h', 'sys/resource.h', 'sys/socket.h', 'sys/stat.h', 'sys/syslimits.h', 'sys/ucred.h', 'sys/un.h'];

describe('attestor-darwin: numbers and structures of the SDK', () => {
  let folder: string | undefined;
  before(function () {
    needDarwin(this);
    requireFeature(this, 'cc', existsSync('/usr/bin/cc'), 'no /usr/bin/cc');
    folder = mkdtempSync('/tmp/portcullis-sdk-');
  });
  after(() => { if (folder !== undefined) rmSync(folder, { recursive: true, force: true }); });

  /** What a C program with the SDK's headers makes of each expression, as an unsigned number of 32 bits. */
  function evaluated(expressions: readonly string[]): readonly number[] {
    const source = join(folder ?? '', 'sdk.c');
    const lines = expressions.map((expression) => `printf("%u\\n", (unsigned)(${expression}));`);
    writeFileSync(source, `${HEADERS.map((name) => `#include <${name}>`).join('\n')}\nint main(void) {\n${lines.join('\n')}\nreturn 0; }\n`);
    const compiler = spawnSync('/usr/bin/cc', ['-w', '-o', join(folder ?? '', 'sdk'), source], { encoding: 'utf8' });
    assert.equal(compiler.status, 0, compiler.stderr);
    return spawnSync(join(folder ?? '', 'sdk'), { encoding: 'utf8' }).stdout.trim().split('\n').map(Number);
  }

  it('are ours', () => {
    const found = evaluated(IN_SDK);
    assert.deepEqual(Object.fromEntries(IN_SDK.map((name, index) => [name, found[index]])), Object.fromEntries(IN_SDK.map((name) => [name, constants[name] >>> 0])));
  });

  it('have the sizes and offsets that are read', () => {
    const names = Object.keys(SIZES);
    const found = evaluated(names);
    assert.deepEqual(Object.fromEntries(names.map((name, index) => [name, found[index]])), SIZES);
  });

  it('name the errors as Node does', () => {
    const known = Object.entries(ERRNO).filter(([name]) => name in os.errno);
    assert.ok(known.length > 20);
    assert.deepEqual(known, known.map(([name]) => [name, (os.errno as Record<string, number>)[name]]));
  });
});
