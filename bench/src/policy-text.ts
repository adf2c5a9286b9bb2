import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What a policy of the benchmark looks at. */
export type PolicyKind = 'uid' | 'handoff' | 'program' | 'program+digest';

/** One rule that allows the load client: by uid alone, or also by all that is known of its program. */
export function policyText(kind: PolicyKind, clientProgram: string): string {
  const conditions = [`unix:uid: ${String(process.getuid?.() ?? 0)}`];
  if (kind !== 'uid' && kind !== 'handoff') {
    // getgroups(2) as Node gives it has the effective group too.
    const hasGroups = /^Groups:\t\S/m.test(readFileSync('/proc/self/status', 'utf8'));
    conditions.push(
      `unix:supplementary_gid: { exists: ${String(hasGroups)} }`, 'linux:pin: peer-pidfd', `unix:path: ${clientProgram}`,
      'unix:image: verified', 'linux:cgroup: { glob: "/**" }',
    );
  }
  if (kind === 'program+digest') conditions.push(`unix:sha256: ${createHash('sha256').update(readFileSync(clientProgram)).digest('hex')}`);
  return `apiVersion: portcullis/v1
kind: AdmissionPolicy
metadata: { name: bench }
rules:
  - id: client
    effect: allow
    when: { ${conditions.join(', ')} }
${kind === 'handoff' ? '    handoff: deny\n' : ''}`;
}
