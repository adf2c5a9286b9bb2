import { ABSENT, type Finding, type SelectorDefinition } from '@portcullis/core';
import type { LinuxPeer } from '../peer.js';
import { parseAppArmorLabel, parseSelinuxLabel, type LabelFields } from '../proc/parse-label.js';
import { decodeText } from '../proc/decode.js';
import { undecodable, type Into, type Probe } from './probe.js';

const frozen = { many: false, trust: 'kernel-connect', cost: 'socket', principal: true } as const;
const text = { ...frozen, value: { type: 'text' } } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...text, key: 'linux:label', summary: 'security label when the peer connected, as the module spells it', example: 'unconfined' },
  { ...text, key: 'linux:apparmor-profile', summary: 'AppArmor profile', example: '/usr/sbin/cupsd' },
  { ...frozen, key: 'linux:apparmor-mode', principal: false, value: { type: 'enum', values: ['enforce', 'complain', 'kill', 'mixed', 'prompt'] }, summary: 'AppArmor mode; absent of an unconfined peer', example: 'enforce' },
  { ...text, key: 'linux:selinux-user', summary: 'SELinux user', example: 'system_u' },
  { ...text, key: 'linux:selinux-role', summary: 'SELinux role', example: 'system_r' },
  { ...text, key: 'linux:selinux-type', summary: 'SELinux type', example: 'container_t' },
  { ...text, key: 'linux:selinux-level', summary: 'SELinux level or range', example: 's0:c1,c2' },
];

/** The kernel ends the label with a NUL for some modules and not for others. */
const MOST_LABEL_BYTES = 4096;

/** SO_PEERSEC. Without a labelling module in the kernel's list all keys are *absent*; a module that does not answer leaves them *unknown*. */
export const peersec: Probe = {
  selectors,
  ask(peer: LinuxPeer, keys, into: Into) {
    const label = readLabel(peer);
    const whole = typeof label === 'string';
    const fields = whole ? fieldsOf(label, peer.capabilities.labelling) : undefined;
    for (const key of keys) {
      if (!whole) into.set(key, label);
      else if (key === 'linux:label') into.set(key, { state: 'present', values: [label] });
      else into.set(key, fieldFinding(fields, key));
    }
    return undefined;
  },
};

function readLabel(peer: LinuxPeer): string | Finding {
  const bytes = peer.label();
  if ('state' in bytes) return bytes;
  const end = bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
  const label = decodeText(bytes.subarray(0, end), MOST_LABEL_BYTES);
  return label === undefined || label === '' || label.includes('\0') ? undecodable('the security label') : label;
}

function fieldsOf(label: string, modules: readonly string[] | undefined): LabelFields | undefined {
  if (modules?.includes('selinux') === true) return parseSelinuxLabel(label);
  return modules?.includes('apparmor') === true ? parseAppArmorLabel(label) : undefined;
}

/** A field that the label's own module does not have is absent; a label that cannot be read as its module's leaves them unknown. */
function fieldFinding(fields: LabelFields | undefined, key: string): Finding {
  if (fields === undefined) return undecodable('the label has not the form of a module in the kernel\'s list');
  const value = fields.get(key);
  return value === undefined ? ABSENT : { state: 'present', values: [value] };
}
