import { readdirSync } from 'node:fs';
import { LinuxAttestor, LinuxPeerSource, linuxConnectPort, openPid } from '@portcullis/attestor-linux';
import { attestorHost, Collector, type AttestorHost, type Evidenced, type Pid, type SelectorKey } from '@portcullis/core';
import type { SystemdAttestor } from '@portcullis/attestor-systemd';

export const ALL: readonly SelectorKey[] = ['systemd:id', 'systemd:fragment_path', 'systemd:invocation-id'];

/** As `portcullis` does: the platform's verified connect, offered to the attestor. */
export function attached(attestor: SystemdAttestor, change: (host: AttestorHost) => AttestorHost = (host) => host): SystemdAttestor {
  attestor.attach(change(attestorHost({ peerSource: new LinuxPeerSource(), connectPort: linuxConnectPort() })));
  return attestor;
}

/** What is found of a process that runs, with the platform's attestor beside ours. */
export async function ask(attestor: SystemdAttestor, pid: number, keys = ALL, signal = AbortSignal.timeout(30_000)): Promise<ReadonlyMap<string, Evidenced>> {
  const peer = openPid(pid as Pid);
  if ('refused' in peer) throw new Error(peer.detail);
  const evidence = new Map<SelectorKey, Evidenced>();
  const linux = new LinuxAttestor();
  try {
    const collector = new Collector([linux, attestor]);
    const wanted = new Set(keys);
    while (keys.some((key) => !evidence.has(key))) await collector.collect(wanted, peer, evidence, signal);
    return evidence;
  } finally {
    peer.close();
    await linux.close();
  }
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
