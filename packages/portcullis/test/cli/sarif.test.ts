// SARIF is what code-scanning pages read: held against the schema of the standard, and by what its consumers do with it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { Folder, policy } from './support/folder.js';
import { portcullis } from './support/run.js';

interface Region { readonly startLine: number; readonly startColumn: number; readonly endLine: number; readonly endColumn: number; readonly snippet: { readonly text: string } }
interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: readonly { readonly physicalLocation: { readonly artifactLocation: { readonly uri: string; readonly uriBaseId?: string }; readonly region?: Region } }[];
  readonly suppressions?: readonly { readonly kind: string; readonly justification: string }[];
}
interface Rule { readonly id: string; readonly help: { readonly text: string }; readonly fullDescription: { readonly text: string }; readonly defaultConfiguration: { readonly level: string } }
interface Log { readonly version: string; readonly runs: readonly { readonly columnKind: string; readonly tool: { readonly driver: { readonly rules: readonly Rule[] } }; readonly results: readonly Result[] }[] }

/** The package carries the schema of the standard, in JSON Schema draft-04: of what it uses, draft-07 differs in the word for its own name. */
function schema(): object {
  const file = join(dirname(createRequire(import.meta.url).resolve('@microsoft/jest-sarif')), 'schemas/sarif-2.1.0-rtm.5.json');
  const { $schema, id, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  assert.match(String($schema), /draft-04/);
  assert.match(String(id), /sarif-2\.1\.0/);
  return rest;
}

const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
formats.default(ajv);
const validate = ajv.compile(schema());

describe('check --format sarif', () => {
  let folder: Folder;

  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  const sarif = async (cwd: string, ...args: readonly string[]): Promise<{ readonly code: number | null; readonly log: Log; readonly results: readonly Result[] }> => {
    const { code, stdout, stderr } = await portcullis(['check', '--format', 'sarif', ...args], { cwd });
    assert.equal(stderr, '');
    const log = JSON.parse(stdout) as Log;
    assert.ok(validate(log), JSON.stringify(validate.errors));
    return { code, log, results: log.runs[0]?.results ?? [] };
  };

  it('is a log by the schema of the standard, which does refuse others', async () => {
    folder.write('p.yaml', policy('{ id: x, effect: allow, when: { unix:uuid: 1 } }'));
    const { code, log } = await sarif(folder.at('.'), 'p.yaml');
    assert.equal(code, 1);
    assert.ok(!validate({ ...log, version: '2.0.0' }));
    assert.ok(!validate({ ...log, runs: [{ ...log.runs[0], results: [{ ruleId: 'X' }] }] }));
  });

  it('names each code once as a rule, with its meaning, its remedy and its level', async () => {
    folder.write('p.yaml', policy('{ id: a, effect: allow, when: { unix:path: /usr/bin/python3 } }', '{ id: b, effect: allow, when: { unix:path: /opt/two } }'));
    const { code, log, results } = await sarif(folder.at('.'), 'p.yaml');
    assert.equal(code, 0);
    const rules = log.runs[0]?.tool.driver.rules ?? [];
    assert.deepEqual(rules.map(({ id }) => id), ['POLICY_INTERPRETER', 'POLICY_PATH_WITHOUT_DIGEST', 'POLICY_PROGRAM_WITHOUT_PRINCIPAL']);
    for (const { help, fullDescription, defaultConfiguration } of rules) assert.ok(help.text.length > 10 && fullDescription.text.length > 10 && defaultConfiguration.level === 'warning');
    for (const { ruleId, ruleIndex } of results) assert.equal(rules[ruleIndex]?.id, ruleId);
  });

  it('counts columns in UTF-16 units, and ends a region with its line', async () => {
    folder.write('p.yaml', policy('{ reason: "𝔘𝔫𝔦", id: x, effect: allow, when: { unix:uuid: 1 } }'));
    const { log, results } = await sarif(folder.at('.'), 'p.yaml');
    assert.equal(log.runs[0]?.columnKind, 'utf16CodeUnits');
    const text = readFileSync(folder.at('p.yaml'), 'utf8').split('\n');
    const region = results[0]?.locations[0]?.physicalLocation.region;
    assert.ok(region);
    assert.equal(text[region.startLine - 1]?.slice(region.startColumn - 1, region.endColumn - 1), 'unix:uuid');
    assert.equal(region.snippet.text, 'unix:uuid');
    folder.write('long.yaml', 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n  text:\n    over: lines\n');
    const [wide] = (await sarif(folder.at('.'), 'long.yaml')).results;
    const over = wide?.locations[0]?.physicalLocation.region;
    assert.ok(over !== undefined && over.endLine === over.startLine && over.endColumn <= 1 + 'kind: AdmissionPolicy'.length);
  });

  it('has addresses relative to the folder it runs in, and whole ones of files outside of it', async () => {
    folder.write('a b%.yaml', policy('{ id: x }'));
    const inside = await sarif(folder.at('.'), 'a b%.yaml', 'none.yaml');
    const at = inside.results.map(({ locations }) => locations[0]?.physicalLocation);
    assert.deepEqual(at[0]?.artifactLocation, { uri: 'a%20b%25.yaml', uriBaseId: '%SRCROOT%' });
    assert.deepEqual(at.at(-1), { artifactLocation: { uri: 'none.yaml', uriBaseId: '%SRCROOT%' } });
    const outside = await sarif('/', folder.at('a b%.yaml'));
    assert.equal(outside.results[0]?.locations[0]?.physicalLocation.artifactLocation.uriBaseId, '%SRCROOT%');
    const elsewhere = await sarif('/usr', folder.at('a b%.yaml'));
    assert.match(elsewhere.results[0]?.locations[0]?.physicalLocation.artifactLocation.uri ?? '', /^file:\/\/\/.*a%20b%25\.yaml$/);
  });

  it('shows what the policy allows as suppressed, with its reason', async () => {
    folder.write('p.yaml', policy('{ id: a, effect: allow, when: { unix:uid: 1, unix:path: /opt/one } }  # portcullis: allow POLICY_PATH_WITHOUT_DIGEST a read-only image'));
    const { code, results } = await sarif(folder.at('.'), '--strict', 'p.yaml');
    assert.equal(code, 0);
    assert.deepEqual(results.map(({ ruleId, suppressions }) => [ruleId, suppressions?.map(({ kind, justification }) => `${kind}: ${justification}`)]), [['POLICY_PATH_WITHOUT_DIGEST', ['inSource: a read-only image']]]);
  });

  it('makes no link and no placeholder of what a policy says (I11)', async () => {
    folder.write('p.yaml', policy('{ id: x, effect: allow, when: { "[here](unix:u) {0}": 1 } }'));
    const [result] = (await sarif(folder.at('.'), 'p.yaml')).results;
    assert.match(result?.message.text ?? '', /\\\[here\\\]\(unix:u\) \{\{0\}\}/);
  });
});
