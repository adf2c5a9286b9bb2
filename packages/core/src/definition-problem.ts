import { valueProblem, type SelectorDefinition, type ValueType } from './catalogue.js';
import { isSelectorKey, sourceOf, type SelectorKey } from './selector.js';
import { COST_TIERS, isTrustTier } from './tiers.js';

const MOST_SUMMARY = 200;
const MARKS = ['sensitive', 'program', 'principal'] as const;

/** Whether a key of a catalogue stands for all kinds of a source: `env:*`. */
export function isFamily(key: SelectorKey): boolean {
  return key.endsWith(':*');
}

/**
 * Why something is no definition of a selector, or undefined where it is one. Whatever its type says: it may come from a
 * plugin that no compiler saw.
 */
export function definitionProblem(definition: SelectorDefinition): string | undefined {
  const { key, value, many, trust, cost, summary, example, needs }: Readonly<Record<keyof SelectorDefinition, unknown>> = { ...OPTIONAL, ...definition };
  if (typeof key !== 'string' || !isSelectorKey(isFamily(key as SelectorKey) ? `${sourceOf(key as SelectorKey)}:x` : key)) return `\`${String(key).slice(0, 200)}\` is not a selector key`;
  const of = (what: string): string => `\`${what}\` of \`${key}\``;
  const type = typeProblem(value);
  if (type !== undefined) return `${of('value')} ${type}`;
  if (typeof many !== 'boolean') return `${of('many')} is neither true nor false`;
  if (typeof trust !== 'string' || !isTrustTier(trust)) return `${of('trust')} is no trust tier`;
  if (typeof cost !== 'string' || !COST_TIERS.some((tier) => tier === cost)) return `${of('cost')} is no cost tier`;
  if (typeof summary !== 'string' || summary === '' || summary.length > MOST_SUMMARY || summary.includes('\n')) return `${of('summary')} is not one line of at most ${String(MOST_SUMMARY)} characters`;
  const wrong = valueProblem(value as ValueType, example);
  if (wrong !== undefined) return `${of('example')}: ${wrong}`;
  if (needs !== undefined && !(Array.isArray(needs) && needs.every((need) => typeof need === 'string' && isSelectorKey(need)))) return `${of('needs')} is no list of selector keys`;
  const mark = MARKS.find((one) => definition[one] !== undefined && typeof definition[one] !== 'boolean');
  return mark === undefined ? undefined : `${of(mark)} is neither true nor false`;
}

const OPTIONAL = { sensitive: undefined, program: undefined, principal: undefined, needs: undefined };

function typeProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('type' in value)) return 'has no type';
  switch (value.type) {
    case 'boolean':
    case 'text':
    case 'path':
    case 'name':
      return undefined;
    case 'uint':
      return 'max' in value && Number.isSafeInteger(value.max) && Number(value.max) >= 0 ? undefined : 'has no `max` that is a whole number';
    case 'enum':
      return 'values' in value && Array.isArray(value.values) && value.values.length > 0 && value.values.every((one) => typeof one === 'string') ? undefined : 'has no `values` that are texts';
    case 'digest':
      if (!('length' in value) || !Number.isSafeInteger(value.length) || Number(value.length) < 1 || Number(value.length) > 1024) return 'has no `length` from 1 to 1024';
      return !('prefix' in value) || typeof value.prefix === 'string' ? undefined : 'has a `prefix` that is no text';
    default:
      return 'has a type that nobody knows';
  }
}
