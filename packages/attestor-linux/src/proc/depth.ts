import type { Pid } from '@portcullis/core';
import { SysFailure } from '../ffi/errno.js';
import { parseStatus } from './parse-status.js';
import { readProc } from './read.js';

/** How many pid namespaces a process is in, counted from that of our `/proc`: 1 is ours. By a file that never waits. */
export function depthOf(pid: Pid): number | undefined {
  const status = readProc(`/proc/${String(pid)}/status`);
  return status instanceof SysFailure ? undefined : parseStatus(status)?.pidNamespaceDepth;
}
