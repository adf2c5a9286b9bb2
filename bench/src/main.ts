// `npm run bench`: everything in one run, as ratios.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureAdmission, measureMemory, measureStages } from './admission.js';
import { measureAttest } from './attest.js';
import { measureDecide, measureLoad } from './decide.js';
import { measureLeases } from './leases.js';
import { LoadClient } from './load-client.js';
import { measureThroughput } from './throughput.js';

const USAGE = `npm run bench [-- OPTION…]

Measures this machine and prints tables: admissions against plain Node and against C, leases, memory, loading, and decisions
against node-casbin and cedar-wasm. About ten minutes; let nothing else run meanwhile.

  --quick    fewer rounds, connections and rules: about two minutes
  --policy   loading and deciding alone
  --write    put what was printed into docs/benchmarks.md; not with --policy
  --help     this text

Exit codes: 0 measured; 1 something failed; 2 wrong options.
`;

const options = optionsOf();
if (options.help === true) {
  process.stdout.write(USAGE);
  process.exit();
}
const quick = options.quick === true;
const [rounds, count] = quick ? [1, 10_000] : [5, 30_000];
const counts = quick ? [10, 1000] : [10, 1000, 10_000, 100_000];
const folder = mkdtempSync('/tmp/portcullis-bench-');
const lines: string[] = [];

function say(line = ''): void {
  lines.push(line);
  console.log(line);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  say(`| ${head.join(' | ')} |`);
  say(`|${head.map((_, at) => (at === 0 ? '---' : '---:')).join('|')}|`);
  for (const row of rows) say(`| ${row.join(' | ')} |`);
  say();
}

const fixed = (value: number | undefined, digits = 1): string => (value === undefined ? '–' : value.toFixed(digits));

try {
  const all = options.policy !== true;
  if (all) await admissions();
  policies();
  await decisions();
  if (options.write === true) write();
} catch (error) {
  console.error(error);
  process.exit(1);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function optionsOf() {
  try {
    const { values } = parseArgs({ options: { quick: { type: 'boolean' }, policy: { type: 'boolean' }, write: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
    if (values.policy === true && values.write === true) throw new Error('--write needs all that is measured: no --policy');
    return values;
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

async function admissions(): Promise<void> {
  const client = new LoadClient(folder);
  say(`${type()} ${release()} ${process.arch}, Node ${process.version}, ${String(cpus().length)} × ${cpus()[0]?.model ?? 'unknown'}, ${String(Math.round(totalmem() / 2 ** 30))} GiB.`);
  say(`Medians of ${String(rounds)} interleaved rounds of ${String(count)} connections; the client is a C program in another process on the same cores.`);
  say();
  say('### Admission');
  say();
  table(
    ['server', 'connections/s', 'server CPU µs', 'added µs', 'ratio'],
    (await measureAdmission(client, folder, rounds, count)).map((figure) => [figure.name, fixed(figure.perSecond, 0), fixed(figure.cpuMicros), fixed(figure.addedMicros), fixed(figure.ratio, 2)]),
  );
  say('Records are compared with the same gate without them, C making the calls with C that only accepts, all else with plain Node served the same way.');
  say();
  say('### One held connection, admitted again and again in one process, µs');
  say();
  table(['admission', 'µs'], (await measureAttest(client, folder)).map(({ name, micros }) => [name, fixed(micros)]));
  say('### A lease, beyond its admission, µs');
  say();
  table(['lease', 'µs'], (await measureLeases(client, folder)).map(({ name, micros }) => [name, fixed(micros)]));
  say('### Stages, mean µs by the gate\'s own clock');
  say();
  const stages = await measureStages(client, folder, count);
  table(['admission', 'open', 'collect', 'verify', 'decide'], Object.entries(stages).map(([name, micros]) => [name, ...['open', 'collect', 'verify', 'decide'].map((stage) => fixed(micros[stage]))]));
  say('### Throughput of one connection');
  say();
  table(
    ['server', 'bytes a write', 'MB/s', 'server CPU, ms a GB', 'ratio'],
    (await measureThroughput(client, folder, rounds, quick ? 1e8 : 1e9)).map((figure) => [figure.name, String(figure.size), fixed(figure.megabytesPerSecond, 0), fixed(figure.cpuMillis, 0), fixed(figure.ratio, 2)]),
  );
  say('### Memory of a held connection, bytes of heap');
  say();
  table(['server', 'bytes', 'beyond plain Node'], (await measureMemory(client, folder, quick ? 500 : 4000)).map(({ name, bytes, added }) => [name, fixed(bytes, 0), fixed(added, 0)]));
}

async function decisions(): Promise<void> {
  say('### Deciding, µs a decision (eight of ten rules exact, one a range, one a glob; peers spread over the rules)');
  say();
  const decided = await measureDecide(counts);
  table(
    ['rules', 'hit', 'miss', 'path unknown', 'node-casbin', 'cedar-wasm', 'casbin ratio', 'cedar ratio'],
    decided.map(({ rules, own, rivals }) => {
      const both = (own.hit + own.miss) / 2;
      const ratio = (rival: number | undefined): string => (rival === undefined ? '–' : `${fixed(rival / both, 0)}×`);
      return [String(rules), fixed(own.hit, 2), fixed(own.miss, 2), fixed(own.unknown, 2), fixed(rivals['node-casbin']), fixed(rivals['cedar-wasm']), ratio(rivals['node-casbin']), ratio(rivals['cedar-wasm'])];
    }),
  );
  const [small, large] = [1000, 100_000].map((wanted) => decided.find(({ rules }) => rules === wanted)?.own);
  if (small !== undefined && large !== undefined) say(`100,000 rules cost ${fixed(large.hit / small.hit, 2)} times as much as 1,000 for a hit, ${fixed(large.miss / small.miss, 2)} for a miss, ${fixed(large.unknown / small.unknown, 2)} for an unknown path.`);
  say();
}

function policies(): void {
  say('### Loading a policy, ms, and what it holds');
  say();
  table(
    ['rules', 'YAML, MB', 'from YAML', 'of that, reading YAML', 'compiled, MB', 'from compiled', 'building alone', 'heap a rule, bytes', 'of that, built'],
    measureLoad(counts).map((figure) => [
      String(figure.rules), fixed(figure.yamlBytes / 1e6, 2), fixed(figure.yamlMs, 0), `${fixed((100 * figure.parseMs) / figure.yamlMs, 0)} %`,
      fixed(figure.compiledBytes / 1e6, 2), fixed(figure.compiledMs, 0), fixed(figure.buildMs, 1), ...(figure.rules < 1000 ? ['–', '–'] : [fixed(figure.heapBytes, 0), fixed(figure.builtBytes, 0)]),
    ]),
  );
}

/** Replaces what stands between the markers of the page. */
function write(): void {
  const page = join(import.meta.dirname, '../../docs/benchmarks.md');
  const [head, , tail] = readFileSync(page, 'utf8').split(/<!-- (?:begin|end) figures -->\n/);
  writeFileSync(page, `${head ?? ''}<!-- begin figures -->\n${lines.join('\n')}\n<!-- end figures -->\n${tail ?? ''}`);
}
