import { PortcullisError } from './errors.js';
import { definitionProblem, isFamily } from './definition-problem.js';
import { needsFault } from './needs.js';
import { sourceOf, type SelectorKey, type SelectorValue } from './selector.js';
import type { CostTier, TrustTier } from './tiers.js';

/** What a value of a key looks like. `digest` is lower-case hex of `length` digits, behind `prefix` where it has one. */
export type ValueType =
  | { readonly type: 'uint'; readonly max: number }
  | { readonly type: 'boolean' }
  | { readonly type: 'text' }
  /** An absolute path: globs stop at `/`. */
  | { readonly type: 'path' }
  /** A name that the attestor resolves when a policy loads (`Attestor.prepare`): exact values only, no patterns. */
  | { readonly type: 'name' }
  | { readonly type: 'enum'; readonly values: readonly string[] }
  | { readonly type: 'digest'; readonly length: number; readonly prefix?: string };

/** What an attestor publishes of one key: it type-checks policies, and makes the editor schema and the reference page. */
export interface SelectorDefinition {
  /** `source:kind`, or `source:*` for a family whose kinds the policy names (`env:*`). */
  readonly key: SelectorKey;
  readonly value: ValueType;
  /** Whether a peer may have several values at once. */
  readonly many: boolean;
  /** The strongest tier its evidence can have; a finding may say a weaker one. */
  readonly trust: TrustTier;
  readonly cost: CostTier;
  /** One line, without a full stop. */
  readonly summary: string;
  readonly example: SelectorValue;
  /** Never shown unmasked: environment values, arguments (I10). */
  readonly sensitive?: boolean;
  /** The key names a program, or says something of its file or code, which pins nothing without a principal (T11). */
  readonly program?: boolean;
  /** The key names a principal: uid, user, group, system unit, anchored container, label. */
  readonly principal?: boolean;
  /**
   * Keys of whatever attestor that this one's facts are computed from: `container:id` of a container's labels. The engine
   * collects them first and gives their evidence to `attest`. Where one is unknown, so is this key, and nobody is asked;
   * what was found is worth no more than the least of them. None may cost more than this key.
   */
  readonly needs?: readonly SelectorKey[];
}

/** An attestor, as far as its catalogue goes. */
export interface CatalogueOwner {
  readonly name: string;
  readonly selectors: readonly SelectorDefinition[];
}

/** The keys of several attestors, looked up by name. Immutable. */
export class Catalogue {
  readonly #exact = new Map<SelectorKey, SelectorDefinition>();
  readonly #families = new Map<string, SelectorDefinition>();

  /** @throws PortcullisError `CATALOGUE_CONFLICT` when two definitions claim one key, `CATALOGUE_INVALID` for a malformed definition or `needs`. */
  constructor(definitions: Iterable<SelectorDefinition>) {
    for (const definition of definitions) {
      const problem = definitionProblem(definition);
      if (problem !== undefined) throw new PortcullisError('CATALOGUE_INVALID', problem);
      const { key } = definition;
      const family = isFamily(key);
      const taken = family ? this.#families.has(sourceOf(key)) : this.#exact.has(key);
      if (taken) throw new PortcullisError('CATALOGUE_CONFLICT', `two definitions claim \`${key}\``, { facts: { key } });
      if (family) this.#families.set(sourceOf(key), definition);
      else this.#exact.set(key, definition);
    }
    this.#checkNeeds();
  }

  #checkNeeds(): void {
    for (const definition of [...this.#exact.values(), ...this.#families.values()]) {
      const fault = needsFault(definition, (key) => this.find(key));
      if (fault !== undefined) throw new PortcullisError('CATALOGUE_INVALID', fault);
    }
  }

  /**
   * Of several attestors, none of which may claim what another does: by a name of its own, or with a family.
   * @throws PortcullisError `CATALOGUE_CONFLICT`, `CATALOGUE_INVALID`
   */
  static of(attestors: Iterable<CatalogueOwner>): Catalogue {
    const owners = new Map<string, string>();
    const all: SelectorDefinition[] = [];
    for (const { name, selectors } of attestors) {
      for (const definition of selectors) {
        const rival = owners.get(definition.key) ?? owners.get(isFamily(definition.key) ? sourceOf(definition.key) : `${sourceOf(definition.key)}:*`);
        if (rival !== undefined && rival !== name) throw new PortcullisError('CATALOGUE_CONFLICT', `\`${rival}\` and \`${name}\` both claim \`${definition.key}\``, { facts: { key: definition.key, first: rival, second: name } });
        all.push(definition);
      }
      // After all of its own, which may have a family and exceptions from it.
      for (const { key } of selectors) owners.set(key, name).set(sourceOf(key), name);
    }
    return new Catalogue(all);
  }

  /** The definition that covers `key`: its own, else its family's. */
  find(key: SelectorKey): SelectorDefinition | undefined {
    return this.#exact.get(key) ?? this.#families.get(sourceOf(key));
  }

  /** All definitions, sorted by key. */
  definitions(): readonly SelectorDefinition[] {
    return [...this.#exact.values(), ...this.#families.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}

/** Why `value` cannot be a value of this type, or undefined when it can. */
export function valueProblem(type: ValueType, value: unknown): string | undefined {
  switch (type.type) {
    case 'uint':
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= type.max
        ? undefined
        : `expected a whole number from 0 to ${String(type.max)}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'expected true or false';
    case 'text':
    case 'name':
      return typeof value === 'string' && value.length > 0 && !value.includes('\0') ? undefined : 'expected text';
    case 'path':
      return typeof value === 'string' && value.startsWith('/') && !value.includes('\0')
        ? undefined
        : 'expected an absolute path';
    case 'enum':
      return typeof value === 'string' && type.values.includes(value)
        ? undefined
        : `expected one of ${type.values.join(', ')}`;
    case 'digest':
      return digestProblem(type.length, type.prefix ?? '', value);
  }
}

function digestProblem(length: number, prefix: string, value: unknown): string | undefined {
  const expected = `expected ${prefix === '' ? '' : `\`${prefix}\` and `}${String(length)} lower-case hex digits`;
  if (typeof value !== 'string' || !value.startsWith(prefix)) return expected;
  const digits = value.slice(prefix.length);
  if (digits.length !== length) return `${expected}, got ${String(digits.length)} characters`;
  return /^[0-9a-f]+$/.test(digits) ? undefined : expected;
}

/** The typed value that `text` spells in the string form `source:kind:value`, or undefined when it spells none. */
export function parseValue(type: ValueType, text: string): SelectorValue | undefined {
  if (type.type === 'uint') return /^(0|[1-9][0-9]*)$/.test(text) && Number(text) <= type.max ? Number(text) : undefined;
  if (type.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
  return valueProblem(type, text) === undefined ? text : undefined;
}
