/** One allow rule of the benchmark: a uid beside an exact path (nine of ten) or a glob. */
export interface BenchRule {
  readonly id: string;
  readonly uid: number;
  readonly path: string;
  readonly glob: boolean;
}

export interface BenchPeer {
  readonly uid: number;
  readonly path: string;
}

export function makeRules(count: number): readonly BenchRule[] {
  return Array.from({ length: count }, (_, i) => {
    const glob = i % 10 === 9;
    return { id: `rule-${String(i)}`, uid: 1000 + i, path: glob ? `/opt/app${String(i)}/*` : `/usr/bin/app${String(i)}`, glob };
  });
}

export function yamlOf(rules: readonly BenchRule[]): string {
  const lines = rules.map(({ id, uid, path, glob }) => `  - { id: ${id}, effect: allow, when: { unix:uid: ${String(uid)}, unix:path: ${glob ? `{ glob: "${path}" }` : path} } }`);
  return `apiVersion: portcullis/v1\nkind: AdmissionPolicy\nmetadata: { name: bench }\nrules:\n${lines.join('\n')}\n`;
}
