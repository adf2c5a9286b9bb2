import { PortcullisError } from '@portcullis/core';
import { requirePolicy, type CompiledPolicy, type LoadedPolicy } from '@portcullis/policy';

/** What a gate starts with. */
export interface Start {
  readonly policy: CompiledPolicy;
  readonly loaded: LoadedPolicy;
  /** That it is not the policy that was asked for. */
  readonly warnings: readonly string[];
}

/**
 * The policy of `path` if it is sound and `accept` has nothing against it; otherwise the one that was kept of an earlier run.
 * @throws PortcullisError `POLICY_INVALID`, `POLICY_TESTS` where there is neither
 */
export function startWith(path: string, first: LoadedPolicy, accept: (policy: CompiledPolicy) => string | undefined, keptOf: () => LoadedPolicy | undefined): Start {
  const why = first.policy === undefined ? brief(first) : accept(first.policy);
  if (why === undefined) return { policy: requirePolicy(first), loaded: first, warnings: [] };
  const kept = keptOf(); // looked at only where it is needed: a good policy starts whatever lies there
  if (kept?.policy !== undefined) {
    return { policy: kept.policy, loaded: kept, warnings: [`\`${path}\` is NOT in force: ${why}. The policy that was kept of an earlier run is, revision ${kept.policy.revision}`] };
  }
  requirePolicy(first);
  throw new PortcullisError('POLICY_TESTS', `\`${path}\` may not take effect: ${why}`, { facts: { path } });
}

function brief({ findings }: LoadedPolicy): string {
  const errors = findings.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (first === undefined) return 'it is not a policy';
  const { file, line, column } = first.place;
  return `${file}:${String(line)}:${String(column)}: ${first.code}: ${first.message}${errors.length > 1 ? `, and ${String(errors.length - 1)} more` : ''}`;
}
