import { PortcullisError, type Catalogue, type Policy, type SelectorKey, type SelectorValue, type TrustTier } from '@portcullis/core';
import { compilePolicyText, requirePolicy } from '@portcullis/policy';

type Wanted<T extends SelectorValue> = T | readonly T[];

/**
 * What a server must be, in plain values: the same as one allow rule. All that is named must hold; of a list, any. Keys of
 * the catalogue may be written out (`'linux:label': 'postgres_t'`).
 */
export interface ServerExpectation {
  readonly uid?: Wanted<number>;
  readonly gid?: Wanted<number>;
  readonly user?: Wanted<string>;
  readonly group?: Wanted<string>;
  readonly path?: Wanted<string>;
  readonly sha256?: Wanted<string>;
  /** The weakest trust tier that may do; `image` unless told. A server with code of its own making, as Node has: `image-unverified`. */
  readonly requires?: TrustTier;
  readonly [key: SelectorKey]: Wanted<SelectorValue>;
}

const SHORT: ReadonlyMap<string, SelectorKey> = new Map([
  ['uid', 'unix:uid'], ['gid', 'unix:gid'], ['user', 'unix:user'], ['group', 'unix:group'], ['path', 'unix:path'], ['sha256', 'unix:sha256'],
]);

/**
 * The policy that allows what is expected and nothing else.
 * @throws PortcullisError `CONNECT_OPTIONS` where nothing, or no principal, is expected; `POLICY_INVALID` for a key or value
 *   that the catalogue does not have.
 */
export function policyOf(expected: ServerExpectation, catalogue: Catalogue): Policy {
  const { requires, ...fields } = expected;
  const when = new Map<string, unknown>();
  for (const [name, value] of Object.entries(fields)) {
    const key = SHORT.get(name) ?? name;
    // A slip of the pen must not leave a condition out.
    if (!key.includes(':')) throw invalid(name, `nothing that a server can be is called \`${name}\``);
    if (when.has(key)) throw invalid(name, `\`${key}\` is expected twice`);
    if (![value].flat().every(isValue)) throw invalid(name, `\`${name}\` is neither a value nor a list of values`);
    when.set(key, value);
  }
  if (when.size === 0) throw invalid('expected', 'nothing is expected of the server, so that any would do');
  const rule = { id: 'expected-server', effect: 'allow', when: Object.fromEntries(when), ...(requires === undefined ? {} : { requires }) };
  // JSON is YAML: one language, one set of checks.
  const text = JSON.stringify({ apiVersion: 'portcullis/v1', kind: 'AdmissionPolicy', metadata: { name: 'expected-server' }, rules: [rule] });
  const loaded = compilePolicyText(text, { catalogue, file: 'expected server' });
  const policy = requirePolicy(loaded);
  if (loaded.findings.some(({ code }) => code === 'POLICY_PROGRAM_WITHOUT_PRINCIPAL')) {
    throw invalid('expected', 'a program is expected, and nobody whose it is: name a user, a uid or another principal (T11)');
  }
  return policy;
}

function isValue(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

function invalid(option: string, message: string): PortcullisError {
  return new PortcullisError('CONNECT_OPTIONS', message, { facts: { option } });
}
