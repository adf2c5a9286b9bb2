/** One allow rule of the benchmark: eight of ten a uid and a path, one a range of uids and a path, one a uid and a glob. */
export interface BenchRule {
  readonly id: string;
  readonly uid: number;
  /** The last uid of a range that begins with `uid`. */
  readonly lastUid?: number;
  readonly path: string;
  readonly glob: boolean;
}

export interface BenchPeer {
  readonly uid: number;
  /** Undefined is unknown: nobody could look. */
  readonly path: string | undefined;
}

export function makeRules(count: number): readonly BenchRule[] {
  return Array.from({ length: count }, (_, i): BenchRule => {
    const common = { id: `rule-${String(i)}`, uid: 1000 + 10 * i };
    if (i % 10 === 8) return { ...common, lastUid: 1000 + 10 * i + 9, path: `/usr/bin/app${String(i)}`, glob: false };
    return i % 10 === 9 ? { ...common, path: `/opt/app${String(i)}/*/run`, glob: true } : { ...common, path: `/usr/bin/app${String(i)}`, glob: false };
  });
}

/** Peers that the rules allow, spread over them: as many of each kind as there are rules of it, each once. */
export function hitsOf(rules: readonly BenchRule[], count = 100): readonly BenchPeer[] {
  const step = Math.max(1, Math.floor(rules.length / count) | 1);
  return rules.filter((_, index) => index % step === 0).map(({ uid, lastUid, path }) => ({ uid: lastUid ?? uid, path: path.replace('*', 'v7') }));
}

export function yamlOf(rules: readonly BenchRule[]): string {
  const lines = rules.map(({ id, uid, lastUid, path, glob }) => {
    const uids = lastUid === undefined ? String(uid) : `{ range: [${String(uid)}, ${String(lastUid)}] }`;
    return `  - { id: ${id}, effect: allow, when: { unix:uid: ${uids}, unix:path: ${glob ? `{ glob: "${path}" }` : path} } }`;
  });
  return `apiVersion: portcullis/v1\nkind: AdmissionPolicy\nmetadata: { name: bench }\nrules:\n${lines.join('\n')}\n`;
}
