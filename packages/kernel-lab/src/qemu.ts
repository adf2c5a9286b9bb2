import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Said } from './job.js';
import type { Module } from './series.js';

export const QEMU = '/usr/bin/qemu-system-x86_64';
const SETPRIV = '/usr/bin/setpriv';

export interface Boot {
  readonly image: string;
  readonly initramfs: string;
  readonly module: Module;
  /** Where the console and the report go. */
  readonly folder: string;
  readonly disk?: string;
  readonly ownClock?: boolean;
  readonly limitMs: number;
}

/** What came of a boot. */
export interface Booted {
  readonly said: readonly Said[];
  readonly timedOut: boolean;
}

const PARAMETERS: Record<Module, string> = { apparmor: 'security=apparmor', selinux: 'security=selinux selinux=1' };

/**
 * A clock that counts instructions, two nanoseconds each, and leaps to the next timer where there is nothing to do. A host that is busy with
 * other things makes such a guest slow for those who wait for it, and no look in it late (T20).
 */
const OWN_CLOCK = ['-icount', 'shift=1,sleep=off', '-rtc', 'clock=vm'];

/**
 * Boots a guest and waits until it powers off. By emulation alone: `/dev/kvm` may be there and hang a guest in its firmware.
 * With one processor: emulated ones that run at once made one guest in twenty fail at an innocent instruction (QEMU 7.2).
 * Without AVX, which is slower to emulate than what programs do in its place: a guest looked at the features in 68 s, and in 85 with it.
 */
export async function boot({ image, initramfs, module, folder, disk, ownClock = false, limitMs }: Boot): Promise<Booted> {
  const [console, report] = [join(folder, 'console'), join(folder, 'report')];
  rmSync(report, { force: true }); // of an earlier run
  // However this process ends, the machine ends with it. What it writes to the disk is its own.
  const child = spawn(SETPRIV, [
    '--pdeathsig', 'KILL', '--', QEMU,
    '-accel', 'tcg', ...(ownClock ? OWN_CLOCK : []), '-cpu', 'max,la57=off,avx=off,avx2=off', '-smp', '1', '-m', '2048', '-no-reboot', '-nodefaults', '-display', 'none', '-monitor', 'none',
    '-serial', `file:${console}`, '-serial', `file:${report}`,
    ...(disk === undefined ? [] : ['-drive', `file=${disk},if=virtio,format=raw,snapshot=on`]),
    '-kernel', image, '-initrd', initramfs, '-append', `console=ttyS0 quiet oops=panic panic=-1 ${PARAMETERS[module]}`,
  ], { stdio: ['ignore', 'ignore', 'inherit'], env: { TMPDIR: folder } });
  let timedOut = false;
  const stop = (): void => { child.kill('SIGKILL'); };
  const timer = setTimeout(() => { timedOut = true; stop(); }, limitMs);
  process.once('exit', stop); // a run that is interrupted leaves no machine behind
  try {
    await once(child, 'exit');
  } finally {
    clearTimeout(timer);
    process.off('exit', stop);
  }
  return { said: existsSync(report) ? parseReport(readFileSync(report, 'utf8')) : [], timedOut };
}

/** Lines that are whole; what a guest was saying when it was stopped is left out. */
export function parseReport(text: string): readonly Said[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole.split(/\r?\n/).filter((line) => line !== '').map((line) => JSON.parse(line) as Said);
}
