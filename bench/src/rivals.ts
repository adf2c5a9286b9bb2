import { createRequire } from 'node:module';
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import type * as Casbin from 'casbin';
import type { BenchRule, BenchPeer } from './rules.js';

// casbin is published as CommonJS beside an ES build that Node cannot import.
const casbin = createRequire(import.meta.url)('casbin') as typeof Casbin;

/** One engine that answers whether a peer is allowed. */
export interface Judge {
  readonly name: string;
  allows(peer: BenchPeer): boolean;
}

const MODEL = `
[request_definition]
r = uid, path
[policy_definition]
p = uid, path
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.uid == p.uid && r.path == p.path
`;

/** node-casbin, with an exact matcher over its policy lines: it has no ranges, and globs would cost it more. */
export async function casbinJudge(rules: readonly BenchRule[]): Promise<Judge> {
  const enforcer: Casbin.Enforcer = await casbin.newEnforcer(casbin.newModelFromString(MODEL));
  await enforcer.addPolicies(rules.map(({ uid, path }) => [String(uid), path]));
  return { name: 'node-casbin', allows: ({ uid, path = '' }) => enforcer.enforceSync(String(uid), path) };
}

/** cedar-wasm, with its policies parsed beforehand. */
export function cedarJudge(rules: readonly BenchRule[]): Judge {
  const id = `bench-${String(rules.length)}`;
  const text = rules.map((rule) => `permit(principal, action, resource) when { ${cedarUid(rule)} && ${cedarPath(rule)} };`).join('\n');
  const parsed = cedar.preparsePolicySet(id, { staticPolicies: text });
  if (parsed.type === 'failure') throw new Error(JSON.stringify(parsed.errors));
  const one = { type: 'Peer', id: 'peer' };
  return {
    name: 'cedar-wasm',
    allows({ uid, path = '' }) {
      const answer = cedar.statefulIsAuthorized({ principal: one, action: { type: 'Action', id: 'connect' }, resource: one, context: { uid, path }, preparsedPolicySetId: id, entities: [] });
      return answer.type === 'success' && answer.response.decision === 'allow';
    },
  };
}

function cedarUid({ uid, lastUid }: BenchRule): string {
  return lastUid === undefined ? `context.uid == ${String(uid)}` : `context.uid >= ${String(uid)} && context.uid <= ${String(lastUid)}`;
}

function cedarPath({ path, glob }: BenchRule): string {
  return glob ? `context.path like "${path}"` : `context.path == "${path}"`;
}
