// `npm run bench [-- --quick] [-- --write]`: everything in one run, as ratios. `--write` puts it into docs/benchmarks.md.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { measureAdmission, measureMemory, measureStages } from './admission.js';
import { measureAttest } from './attest.js';
import { measureDecide } from './decide.js';
import { LoadClient } from './load-client.js';

const quick = process.argv.includes('--quick');
const [rounds, count] = quick ? [1, 10_000] : [5, 30_000];
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
  say('Records are compared with the same gate without them, all else with plain Node served the same way.');
  say();
  say('### One held connection, admitted again and again in one process, µs');
  say();
  table(['admission', 'µs'], (await measureAttest(client, folder)).map(({ name, micros }) => [name, fixed(micros)]));
  say('### Stages, mean µs by the gate\'s own clock');
  say();
  const stages = await measureStages(client, folder, count);
  table(['admission', 'open', 'collect', 'verify', 'decide'], Object.entries(stages).map(([name, micros]) => [name, ...['open', 'collect', 'verify', 'decide'].map((stage) => fixed(micros[stage]))]));
  say('### Memory of a held connection, bytes of heap');
  say();
  table(['server', 'bytes', 'beyond plain Node'], (await measureMemory(client, folder, quick ? 500 : 4000)).map(({ name, bytes, added }) => [name, fixed(bytes, 0), fixed(added, 0)]));
  say('### Deciding, µs a decision (half hits, half misses; nine of ten rules exact, one a glob)');
  say();
  const decided = await measureDecide(quick ? [10, 1000] : [10, 1000, 10_000, 100_000]);
  table(
    ['rules', 'portcullis', 'node-casbin', 'cedar-wasm', 'casbin ratio', 'cedar ratio', 'YAML to policy, ms'],
    decided.map(({ rules, micros, loadMs }) => {
      const own = micros['portcullis'] ?? Number.NaN;
      const ratio = (rival: number | undefined): string => (rival === undefined ? '–' : `${fixed(rival / own, 0)}×`);
      return [String(rules), fixed(own, 2), fixed(micros['node-casbin'], 1), fixed(micros['cedar-wasm'], 1), ratio(micros['node-casbin']), ratio(micros['cedar-wasm']), fixed(loadMs, 0)];
    }),
  );
  if (process.argv.includes('--write')) write();
} catch (error) {
  console.error(error);
  process.exit(1);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Replaces what stands between the markers of the page. */
function write(): void {
  const page = join(import.meta.dirname, '../../docs/benchmarks.md');
  const [head, , tail] = readFileSync(page, 'utf8').split(/<!-- (?:begin|end) figures -->\n/);
  writeFileSync(page, `${head ?? ''}<!-- begin figures -->\n${lines.join('\n')}\n<!-- end figures -->\n${tail ?? ''}`);
}
