import { escapeJson, escapeText, type Catalogue, type Decision } from '@portcullis/core';
import { formatEvidence, type Comparison, type Difference, type DifferenceKind, type RuleChanges } from '@portcullis/policy';
import type { Colors } from '../cli/colors.js';
import { plural } from '../plural.js';

const TITLES: Readonly<Record<DifferenceKind, string>> = {
  'admits-more': 'admits more', 'admits-less': 'admits less', grant: 'grants something else', lease: 'keeps a connection on other terms', limit: 'is limited otherwise',
};

/** The second of the two, and how it was asked for. */
export interface ComparedFile {
  readonly path: string;
  readonly platform: string | undefined;
}

/** A comparison for people. */
export function formatComparison(comparison: Comparison, after: ComparedFile, catalogue: Catalogue, colors: Colors): string {
  const { outcome, differences, complete, rules, looks, incomplete } = comparison;
  const head = outcome === 'same' ? 'no peer is decided differently' : outcome === 'undecided' ? 'no difference was found, and not everything was compared' : `${plural(differences.length, 'difference')}${complete ? '' : ', and there may be more'}`;
  return [
    outcome === 'same' ? colors.green(head) : colors.yellow(head),
    ...formatRules(rules),
    ...(complete ? [] : [incomplete.length > 0 ? `not all that can be told apart of ${incomplete.join(', ')} was tried` : `the search ended after ${plural(looks, 'look')}; --max-looks looks further`]),
    ...differences.flatMap((one) => ['', ...formatDifference(one, after, catalogue, colors)]),
  ].join('\n');
}

function formatRules({ added, removed, changed }: RuleChanges): readonly string[] {
  const words = changed.map(({ id, words: some }) => `${id} (${some.join(', ')})`);
  return ([['added', added], ['removed', removed], ['changed', words]] as const).flatMap(([what, names]) => (names.length === 0 ? [] : [`rules ${what}: ${names.join(', ')}`]));
}

function formatDifference({ kind, before, after, peer, listener, listeners, nowMs }: Difference, { path, platform }: ComparedFile, catalogue: Catalogue, colors: Colors): readonly string[] {
  const paint = kind === 'admits-more' ? colors.green : kind === 'admits-less' ? colors.red : colors.yellow;
  const clock = new Date(nowMs).toISOString();
  return [
    `${paint(TITLES[kind])}: ${spell(before, kind)}  →  ${spell(after, kind)}`,
    `  on ${listeners.map((name) => escapeText(name)).join(', ')}; such a peer, as an evidence file:`,
    ...formatEvidence(peer, catalogue).trimEnd().split('\n').map((line) => `    ${line}`),
    `  portcullis explain --policy ${escapeText(path)}${platform === undefined ? '' : ` --platform ${platform}`} --listener ${escapeText(listener)} --clock ${clock} --evidence FILE`,
  ];
}

function spell(decision: Decision, kind: DifferenceKind): string {
  const { effect, cause, rules, grant, terms, limits } = decision;
  const by = rules.length === 0 ? cause : `${cause === 'rule' ? '' : `${cause}, `}by ${rules.join(', ')}`;
  const detail = kind === 'grant' ? grant : kind === 'lease' ? terms : kind === 'limit' ? (limits ?? []).map(({ key, rate, concurrent }) => ({ key, rate, concurrent })) : undefined;
  return `${effect} ${by}${detail === undefined ? '' : ` ${escapeText(escapeJson(JSON.stringify(detail)), 300)}`}`;
}
