import { kindOf, sourceOf, type Catalogue, type SelectorDefinition, type ValueType } from '@portcullis/core';
import type { JsonSchema } from './json-schema.js';
import { escapePattern, evidenceSchema, matcherSchema, spelling, valueSchema } from './value-schema.js';

/** What a key may stand before. */
export type KeyUse = 'matcher' | 'evidence';

/** Keys by name, and families by pattern, as an object schema has them. */
export interface KeyParts {
  readonly properties: JsonSchema;
  readonly patternProperties: JsonSchema;
}

/** The keys of a catalogue as a schema has them. Each type of value is defined once. */
export class KeySchemas {
  readonly definitions: JsonSchema;
  readonly #all: readonly SelectorDefinition[];
  readonly #types = new Map<string, string>();

  constructor(catalogue: Catalogue) {
    this.#all = catalogue.definitions();
    const definitions: Record<string, JsonSchema> = { key: this.#key() };
    for (const { value } of this.#all) {
      const id = JSON.stringify(value);
      if (this.#types.has(id)) continue;
      const name = this.#nameOf(value);
      this.#types.set(id, name);
      define(definitions, name, value);
    }
    this.definitions = definitions;
  }

  /** The keys, each with what may stand behind it. */
  parts(use: KeyUse): KeyParts {
    const entry = (definition: SelectorDefinition): JsonSchema => ({
      description: describe(definition), allOf: [{ $ref: `#/definitions/${use}.${this.#types.get(JSON.stringify(definition.value)) ?? ''}` }], examples: [definition.example],
      ...(use === 'evidence' && !definition.many && { maxItems: 1 }),
    });
    const [families, exact] = [this.#all.filter(isFamily), this.#all.filter((one) => !isFamily(one))];
    return {
      properties: Object.fromEntries(exact.map((one) => [one.key, entry(one)])),
      // Families have exceptions: a key that is defined by itself is none of its family.
      patternProperties: Object.fromEntries(families.map((one) => [`^${this.#patternOf(one)}$`, entry(one)])),
    };
  }

  /** The short form of a condition: `unix:uid:1000`. */
  selector(): JsonSchema {
    const byType = new Map<string, string[]>();
    for (const one of this.#all) {
      const spelled = spelling(one.value);
      byType.set(spelled, [...(byType.get(spelled) ?? []), isFamily(one) ? this.#patternOf(one) : escapePattern(one.key)]);
    }
    const forms = [...byType].map(([spelled, keys]) => `(${keys.join('|')}):${spelled}`);
    return { pattern: `^(${forms.join('|')})`, patternErrorMessage: 'expected `source:kind:value`, with a key of an installed attestor and a value of its type' };
  }

  #key(): JsonSchema {
    const exact = { enum: this.#all.filter((one) => !isFamily(one)).map(({ key }) => key) };
    const families = this.#all.filter(isFamily).map((one) => ({ type: 'string', pattern: `^${this.#patternOf(one)}$` }));
    return families.length === 0 ? exact : { anyOf: [exact, ...families] };
  }

  #patternOf({ key }: SelectorDefinition): string {
    const source = sourceOf(key);
    const own = this.#all.filter((one) => !isFamily(one) && sourceOf(one.key) === source).map((one) => escapePattern(kindOf(one.key)));
    return `${escapePattern(source)}:${own.length === 0 ? '' : `(?!(?:${own.join('|')})(?![A-Za-z0-9_.-]))`}[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`;
  }

  #nameOf({ type }: ValueType): string {
    const taken = [...this.#types.values()];
    for (let number = 1; ; number++) {
      const name = number === 1 ? type : `${type}-${String(number)}`;
      if (!taken.includes(name)) return name;
    }
  }
}

function define(definitions: Record<string, JsonSchema>, name: string, value: ValueType): void {
  const one = { $ref: `#/definitions/value.${name}` };
  definitions[`value.${name}`] = valueSchema(value);
  definitions[`evidence.${name}`] = evidenceSchema(value, one);
  definitions[`operand.${name}`] = matcherSchema(value, one);
  definitions[`matcher.${name}`] = matcherSchema(value, one, { $ref: `#/definitions/operand.${name}` });
}

function isFamily({ key }: SelectorDefinition): boolean {
  return kindOf(key) === '*';
}

function describe({ summary, trust, many, cost, sensitive }: SelectorDefinition): string {
  const notes = [`trust: ${trust}`, `cost: ${cost}`, ...(many ? ['may have several values'] : []), ...(sensitive === true ? ['never shown unmasked'] : [])];
  return `${summary} (${notes.join('; ')})`;
}
