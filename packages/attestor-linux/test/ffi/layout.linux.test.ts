import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import * as constants from '../../dist/ffi/constants.js';
import { hasPrivatePages, readEntries } from '../../dist/ffi/pagemap.js';
import { cPath } from '../../dist/ffi/file.js';
import { libc } from '../../dist/ffi/libc.js';
import { mappingAt, nextExecutable } from '../../dist/ffi/procmap.js';
import { ENOTTY, SysFailure } from '../../dist/ffi/errno.js';
import { deviceNumber, statPath } from '../../dist/ffi/statx.js';
import { requireFeature, skipUnless } from '@portcullis/testkit';
import type { Fd } from '@portcullis/core';
import { injectFaults } from '../support/faults.js';
import { needCompiler, needLinux } from '../support/features.js';

/** Names whose spelling in the headers is not ours. */
const IN_HEADERS: Readonly<Record<string, string>> = {
  SYS_PIDFD_OPEN: '__NR_pidfd_open', SYS_PIDFD_GETFD: '__NR_pidfd_getfd', SYS_OPENAT2: '__NR_openat2', SYS_LSM_LIST_MODULES: '__NR_lsm_list_modules',
  PROCMAP_QUERY_VMA_EXECUTABLE: 'PROCMAP_QUERY_VMA_EXECUTABLE',
};
const SELDOM_IN_HEADERS = new Set(['GENERIC_ABI_ARCHITECTURES', 'LSM_ID_NAMES', 'INVALID_ID', 'OVERFLOW_ID', 'LOOPBACK_IFINDEX']);
/** Enumerators, which the preprocessor does not know: printed where the header that has them is new enough. */
const ENUMERATORS: Readonly<Record<string, string>> = { PROCMAP_QUERY_VMA_EXECUTABLE: 'PROCMAP_QUERY', PROCMAP_QUERY_COVERING_OR_NEXT_VMA: 'PROCMAP_QUERY', INET_DIAG_CGROUP_ID: 'SK_DIAG_BPF_STORAGE_REQ_MAX' };

const STRUCTURES: Readonly<Record<string, readonly [guard: string, fields: Readonly<Record<string, number>>, size: number]>> = {
  'struct ucred': ['1', { pid: 0, uid: 4, gid: 8 }, 12],
  'struct msghdr': ['1', { msg_name: 0, msg_iov: 16, msg_iovlen: 24, msg_control: 32, msg_controllen: 40, msg_flags: 48 }, 56],
  'struct iovec': ['1', { iov_base: 0, iov_len: 8 }, 16],
  'struct cmsghdr': ['1', { cmsg_len: 0, cmsg_level: 8, cmsg_type: 12 }, 16],
  'struct epoll_event': ['1', { events: 0, data: process.arch === 'x64' ? 4 : 8 }, process.arch === 'x64' ? 12 : 16],
  'struct pollfd': ['1', { fd: 0, events: 4, revents: 6 }, 8],
  'struct open_how': ['defined(RESOLVE_NO_SYMLINKS)', { flags: 0, mode: 8, resolve: 16 }, 24],
  'struct statx': ['1', { stx_nlink: 16, stx_uid: 20, stx_mode: 28, stx_ino: 32, stx_size: 40, stx_ctime: 96, stx_mtime: 112, stx_dev_major: 136, stx_dev_minor: 140 }, 256],
  'struct statx_timestamp': ['1', { tv_sec: 0, tv_nsec: 8 }, 16],
  'struct statfs': ['1', { f_type: 0 }, 120],
  'struct fsverity_digest': ['1', { digest_algorithm: 0, digest_size: 2 }, 4],
  'struct pidfd_info': ['defined(PIDFD_GET_INFO)', { mask: 0, cgroupid: 8, tgid: 20, ruid: 28, rgid: 32, euid: 36, egid: 40 }, 64],
  'struct procmap_query': ['defined(PROCMAP_QUERY)', { size: 0, query_flags: 8, query_addr: 16, vma_start: 24, vma_end: 32, vma_flags: 40, inode: 64, dev_major: 72, dev_minor: 76, vma_name_size: 80, vma_name_addr: 88 }, 104],
  'struct nlmsghdr': ['1', { nlmsg_len: 0, nlmsg_type: 4, nlmsg_flags: 6, nlmsg_seq: 8, nlmsg_pid: 12 }, 16],
  'struct sockaddr_nl': ['1', { nl_family: 0, nl_pid: 4, nl_groups: 8 }, 12],
  'struct sockaddr_in': ['1', { sin_port: 2, sin_addr: 4 }, 16],
  'struct sockaddr_in6': ['1', { sin6_port: 2, sin6_addr: 8 }, 28],
  'struct inet_diag_sockid': ['1', { idiag_sport: 0, idiag_dport: 2, idiag_src: 4, idiag_dst: 20, idiag_if: 36, idiag_cookie: 40 }, 48],
  'struct inet_diag_req_v2': ['1', { sdiag_family: 0, sdiag_protocol: 1, idiag_states: 4, id: 8 }, 56],
  'struct inet_diag_msg': ['1', { idiag_family: 0, idiag_state: 1, id: 4, idiag_uid: 64, idiag_inode: 68 }, 72],
  'struct pm_scan_arg': ['defined(PAGEMAP_SCAN)', { size: 0, start: 16, end: 24, vec: 40, vec_len: 48, max_pages: 56, category_inverted: 64, category_mask: 72, category_anyof_mask: 80, return_mask: 88 }, 96],
};

const INCLUDES = `#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <linux/openat2.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/sock_diag.h>
#include <linux/inet_diag.h>
#include <linux/auxvec.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#if __has_include(<linux/pidfd.h>)
#define _LINUX_FCNTL_H // which repeats what fcntl.h has
#define _UAPI_LINUX_FCNTL_H
#include <linux/pidfd.h>
#endif
`;

describe('numbers and structures of the kernel', () => {
  let folder: string;
  before(function () { folder = mkdtempSync('/tmp/portcullis-layout-'); needCompiler(this); });
  after(() => { rmSync(folder, { recursive: true, force: true }); });

  /** What a C program with the system's headers prints: `name value` lines. */
  function printed(body: string): ReadonlyMap<string, string> {
    const source = join(folder, 'layout.c');
    const program = join(folder, 'layout');
    writeFileSync(source, `${INCLUDES}int main(void) {\n${body}\nreturn 0; }\n`);
    const compiler = spawnSync('/usr/bin/gcc', ['-w', '-o', program, source], { encoding: 'utf8' });
    assert.equal(compiler.status, 0, compiler.stderr);
    const { stdout } = spawnSync(program, { encoding: 'utf8' });
    return new Map(stdout.split('\n').filter((line) => line !== '').map((line) => line.split(' ') as [string, string]));
  }

  it('are those of the system\'s headers, as far as these are new enough', () => {
    const numbers = Object.entries<unknown>(constants).filter((entry): entry is [string, number] => typeof entry[1] === 'number' && !SELDOM_IN_HEADERS.has(entry[0]));
    const body = numbers.map(([name]) => {
      const spelled = IN_HEADERS[name] ?? name;
      return `#if ${ENUMERATORS[name] === undefined ? `defined(${spelled}) || ${isEnumerator(spelled) ? '1' : '0'}` : `defined(${ENUMERATORS[name]})`}\nprintf("${name} %lld\\n", (long long)(${spelled}));\n#endif`;
    }).join('\n');
    const found = printed(body);
    const differing = numbers.filter(([name, value]) => found.has(name) && (BigInt(found.get(name)!) & 0xffff_ffffn) !== (BigInt(value) & 0xffff_ffffn));
    assert.deepEqual(differing, []);
    for (const name of ['SO_PEERCRED', 'SO_PEERGROUPS', 'SO_PEERSEC', 'SO_DOMAIN', 'AT_EMPTY_PATH', 'SYS_PIDFD_OPEN', 'O_PATH', 'SOCK_STREAM', 'SO_PASSCRED', 'SO_PASSSEC', 'SCM_RIGHTS', 'SCM_CREDENTIALS', 'MSG_CMSG_CLOEXEC']) assert.ok(found.has(name), name);
  });

  it('PIDFD_GET_INFO, PROCMAP_QUERY and PAGEMAP_SCAN are the ioctl numbers of their sizes', () => {
    const found = printed(`
      printf("PIDFD_GET_INFO %u\\n", (unsigned)_IOC(_IOC_READ|_IOC_WRITE, 0xff, 11, 64));
      printf("PROCMAP_QUERY %u\\n", (unsigned)_IOC(_IOC_READ|_IOC_WRITE, 'f', 17, 104));
      printf("PAGEMAP_SCAN %u\\n", (unsigned)_IOC(_IOC_READ|_IOC_WRITE, 'f', 16, 96));`);
    assert.deepEqual(Object.fromEntries(found), {
      PIDFD_GET_INFO: String(constants.PIDFD_GET_INFO), PROCMAP_QUERY: String(constants.PROCMAP_QUERY), PAGEMAP_SCAN: String(constants.PAGEMAP_SCAN),
    });
  });

  for (const [name, [guard, fields, size]] of Object.entries(STRUCTURES)) {
    it(`${name} has the size and the offsets that are read`, function () {
      const offsets = Object.keys(fields).map((field) => `printf("${field} %zu\\n", offsetof(${name}, ${field}));`).join('\n');
      const found = printed(`#if ${guard}\n${offsets}\nprintf("size %zu\\n", sizeof(${name}));\n#endif`);
      requireFeature(this, 'new-headers', found.size > 0, `the system's headers have no ${name}`);
      const { size: whole, ...rest } = Object.fromEntries(found);
      assert.deepEqual(rest, Object.fromEntries(Object.entries(fields).map(([field, offset]) => [field, String(offset)])));
      if (name === 'struct pidfd_info') assert.ok(Number(whole) >= size); // it grew, version 0 stays
      else assert.equal(whole, String(size));
    });
  }
});

/** O_* and the like are macros, MSG-like ones may be both: these alone are plain enumerators in glibc. */
function isEnumerator(name: string): boolean {
  return /^SOCK_(STREAM|RAW|DGRAM|SEQPACKET|NONBLOCK|CLOEXEC)$|^TCP_(ESTABLISHED|FIN_WAIT[12])$/.test(name);
}

describe('calls of the C library', () => {
  before(function () { needLinux(this); });

  it('statx says of a file what Node says', () => {
    const file = statPath(cPath(process.execPath), 'node');
    if (file instanceof SysFailure) assert.fail(file.toString());
    const truth = statSync(process.execPath, { bigint: true });
    assert.deepEqual([file.ino, file.size, file.mtimeNs, file.ctimeNs, BigInt(file.mode), BigInt(file.uid), BigInt(file.links)],
      [truth.ino, truth.size, truth.mtimeNs, truth.ctimeNs, truth.mode, truth.uid, truth.nlink]);
    const major = Number((truth.dev >> 8n) & 0xfffn);
    const minor = Number((truth.dev & 0xffn) | ((truth.dev >> 12n) & 0xfff00n));
    assert.equal(file.dev, deviceNumber(major, minor));
  });

  describe('of mappings', () => {
    const PAGE = 4096;
    const opened: number[] = [];
    const open = (path: string): Fd => {
      const fd = openSync(path, 'r');
      opened.push(fd);
      return fd as Fd;
    };
    afterEach(() => { for (const fd of opened.splice(0)) closeSync(fd); });

    it('PROCMAP_QUERY finds our own program, and what covers an address', function () {
      const maps = open('/proc/self/maps');
      const first = nextExecutable(maps, 0n);
      requireFeature(this, 'procmap', first !== undefined && !(first instanceof SysFailure), 'PROCMAP_QUERY needs Linux 6.11');
      const again = mappingAt(maps, first.start);
      assert.deepEqual(again, first);
      assert.equal(mappingAt(maps, 0n), undefined);
    });

    for (const [title, look] of [['PAGEMAP_SCAN', hasPrivatePages], ['reading the pagemap', readEntries]] as const) {
      it(`T4: ${title} tells a page of a file from a copy that was written to`, () => {
        const file = open(process.execPath);
        const address = libc().mmap(null, 4 * PAGE, 3, constants.MAP_PRIVATE, file, 0);
        const pagemap = open('/proc/self/pagemap');
        const end = address + BigInt(4 * PAGE);
        // Read it in, by asking the kernel to copy from there: the pages are then present, and the file's.
        touch(address, false);
        assert.equal(look(pagemap, address, end), false);
        touch(address + BigInt(2 * PAGE), true);
        assert.equal(look(pagemap, address, end), true);
        assert.equal(look(pagemap, address, address + BigInt(2 * PAGE)), false);
        assert.equal(libc().munmap(address, 4 * PAGE), 0);
      });
    }

    it('T4: a kernel that scanned a pagemap once is not taken for one that cannot', function () {
      const pagemap = open('/proc/self/pagemap');
      const cannot = libc().ioctl(pagemap, constants.PAGEMAP_SCAN, new Uint8Array(96)) < 0 && libc().errno() === ENOTTY;
      skipUnless(this, !cannot, 'PAGEMAP_SCAN: since Linux 6.7');
      assert.equal(hasPrivatePages(pagemap, 0n, 0x1000n), false);
      let scans = 0;
      const stop = injectFaults(({ name }) => (name === 'ioctl' && (scans += 1) === 1 ? { errno: ENOTTY } : undefined));
      try {
        hasPrivatePages(pagemap, 0n, 0x1000n);
        hasPrivatePages(pagemap, 0n, 0x1000n);
      } finally {
        stop();
      }
      assert.equal(scans, 2);
    });

    /** Reads from our own memory through a file, or writes to it so. */
    function touch(address: bigint, write: boolean): void {
      const memory = openSync('/proc/self/mem', 'r+');
      opened.push(memory);
      const byte = Buffer.alloc(1);
      assert.equal(write ? writeSync(memory, byte, 0, 1, Number(address)) : readSync(memory, byte, 0, 1, Number(address)), 1);
    }
  });
});
