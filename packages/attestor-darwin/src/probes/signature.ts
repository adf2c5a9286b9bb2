import { ABSENT, unknown, type Finding, type SelectorDefinition, type SelectorKey, type TrustTier, type Unknown } from '@portcullis/core';
import { decodeText } from '../decode.js';
import { CS_FLAGS, CS_VALIDATION_CATEGORIES } from '../ffi/constants.js';
import { getCdhash, getIdentity, getStatus, getTeamId, getValidationCategory, type Signed } from '../ffi/csops.js';
import { SysFailure } from '../ffi/errno.js';
import type { DarwinPeer } from '../peer.js';
import { unknownOf } from '../unknown-of.js';
import { allUnknown, present, undecodable, type Into, type Probe } from './probe.js';

const one = { many: false, trust: 'image', cost: 'proc' } as const;
const flag = { ...one, value: { type: 'boolean' } } as const;

const selectors: readonly SelectorDefinition[] = [
  { ...one, key: 'darwin:signature', value: { type: 'enum', values: ['valid', 'adhoc', 'invalid', 'none'] }, summary: 'code signature of what runs: `adhoc` names nobody, `invalid` no longer fits', example: 'valid' },
  { ...one, key: 'darwin:validation-category', value: { type: 'enum', values: [...CS_VALIDATION_CATEGORIES.values()] }, summary: 'who vouches for the signature, by the kernel', example: 'developer-id' },
  { ...one, key: 'darwin:cdhash', program: true, value: { type: 'digest', length: 40 }, summary: 'hash of the code directory of what runs', example: '3f0c'.repeat(10) },
  { ...one, key: 'darwin:team-id', program: true, value: { type: 'text' }, summary: 'team of the signer; `peer-asserted` unless Apple vouches for the signature', example: 'EQHXZ8M8AV' },
  { ...one, key: 'darwin:signing-id', program: true, value: { type: 'text' }, summary: "identifier in the signature, the signer's choice: name the team beside it", example: 'com.apple.ssh' },
  { ...flag, key: 'darwin:platform-binary', summary: "whether it is part of Apple's system", example: true },
  { ...flag, key: 'darwin:hardened-runtime', summary: 'whether the hardened runtime keeps foreign code out', example: true },
  { ...flag, key: 'darwin:get-task-allow', summary: 'whether other processes of the user may take it over', example: false },
  { ...flag, key: 'darwin:debugged', summary: 'whether a debugger is or was attached', example: false },
];

const FLAG_OF: Readonly<Record<string, number>> = {
  'darwin:platform-binary': CS_FLAGS.PLATFORM_BINARY,
  'darwin:hardened-runtime': CS_FLAGS.RUNTIME,
  'darwin:get-task-allow': CS_FLAGS.GET_TASK_ALLOW,
  'darwin:debugged': CS_FLAGS.DEBUGGED,
};

/** Of these a set flag is the word of the signature. */
const BY_SIGNATURE: ReadonlySet<SelectorKey> = new Set(['darwin:platform-binary', 'darwin:hardened-runtime']);

/** Whoever signs with these was named by Apple; of any other category the text in a signature is its maker's own. */
const VOUCHED: ReadonlySet<string> = new Set(['platform', 'testflight', 'development', 'app-store', 'enterprise', 'developer-id']);

/** csops_audittoken: what the kernel knows of the code that runs, whatever its file says now. */
export const signature: Probe = {
  selectors,
  ask(peer: DarwinPeer, keys, into: Into) {
    const signed = peer.signed();
    const flags = 'state' in signed ? signed : status(signed);
    if ('state' in signed || typeof flags !== 'number') {
      allUnknown(keys, flags as Unknown, into);
      return undefined;
    }
    for (const key of keys) into.set(key, findingOf(key, flags, signed));
    return undefined;
  },
};

function status(signed: Signed): number | Unknown {
  const flags = getStatus(signed);
  return flags instanceof SysFailure ? unknownOf(flags) : flags;
}

function findingOf(key: SelectorKey, flags: number, signed: Signed): Finding {
  const state = stateOf(flags);
  if (key === 'darwin:signature') return present(state);
  const mask = FLAG_OF[key];
  const set = mask !== undefined && (flags & mask) !== 0;
  if (mask !== undefined && !(set && state === 'invalid' && BY_SIGNATURE.has(key))) return present(set);
  if (state === 'none') return ABSENT;
  // Pages were changed since: nothing that was signed says what runs. The kernel goes on answering where a debugger changed them.
  if (state === 'invalid') return unknown('foreign-code', 'the signature is not valid any more (CS_VALID is off)');
  if (key === 'darwin:validation-category') return category(signed);
  if (key === 'darwin:cdhash') return answer(getCdhash(signed));
  return named(key === 'darwin:team-id' ? getTeamId(signed) : getIdentity(signed), key, signed);
}

function stateOf(flags: number): 'valid' | 'adhoc' | 'invalid' | 'none' {
  if ((flags & CS_FLAGS.SIGNED) === 0) return 'none';
  if ((flags & CS_FLAGS.VALID) === 0) return 'invalid';
  return (flags & CS_FLAGS.ADHOC) === 0 ? 'valid' : 'adhoc';
}

/** Of code with a valid signature: of other code EINVAL would not mean that this system has no such question (csproc_get_validation_category). */
function category(signed: Signed): Finding {
  const number = getValidationCategory(signed);
  if (number instanceof SysFailure) return number.is('EPERM', 'EINVAL') ? unknown('kernel-unsupported', number.toString()) : unknownOf(number);
  const name = CS_VALIDATION_CATEGORIES.get(number);
  return name === undefined ? unknown('kernel-unsupported', `validation category ${String(number)}`) : present(name);
}

function answer(value: string | SysFailure, tier?: TrustTier): Finding {
  return value instanceof SysFailure ? unknownOf(value) : present(value, tier);
}

/** A text of the signature. Anybody can write any team into a signature of their own: then it is what the peer says. */
function named(bytes: Uint8Array | SysFailure, key: string, signed: Signed): Finding {
  if (bytes instanceof SysFailure) return bytes.is('ENOENT') ? ABSENT : unknownOf(bytes);
  const text = decodeText(bytes);
  if (text === undefined || text === '') return undecodable(key);
  const vouched = category(signed);
  const byApple = vouched.state === 'present' && VOUCHED.has(String(vouched.values[0]));
  return byApple ? present(text) : present(text, 'peer-asserted');
}
