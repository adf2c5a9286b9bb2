import { rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { escapeJson, escapeText, PortcullisError } from '@portcullis/core';
import { compilePolicyText, formatFindings, Learner, observe, requirePolicy, writePolicy, writeTest, type Generalisation, type LeftOut } from '@portcullis/policy';
import { InvalidArgumentError, type Command } from 'commander';
import { platformCatalogue } from '../../compose/platform.js';
import { plural } from '../../plural.js';
import { readDecisions } from '../../replay/decision-log.js';
import { LogLines } from '../../replay/log-lines.js';
import { Progress } from '../../replay/progress.js';
import { formatLog } from '../../replay/text-report.js';
import { EXIT, print, say } from '../exit.js';
import { examples } from '../help.js';

interface LearnOptions {
  readonly generalise?: ReadonlySet<Generalisation>;
  readonly output?: string;
  readonly listener?: readonly string[];
  readonly json?: true;
}

/** `portcullis learn`: a policy for those who came. */
export function addLearn(program: Command, done: (code: number) => void): void {
  program.command('learn')
    .summary('propose a policy, with its test, from recorded connections')
    .description('Proposes rules that admit exactly the users and programs that were admitted, or that observe mode let through and no deny rule would have refused. Only facts of tier image or better are learnt from. Who is left out is said, and why. Exits 0 when something was learnt, 1 when nothing was, 2 when it was called wrongly.')
    .argument('<log>', 'what `portcullis serve` wrote, - for stdin')
    .option('--generalise <what>', 'path: leave versions in paths open; uid: a range of the users of one program; or both, path,uid', generalisations)
    .option('-o, --output <file>', 'write the policy there, and its test beside it: policy.yaml, policy.test.yaml (default: the policy to stdout)')
    .option('--listener <name...>', 'only from connections of these listeners')
    .option('--json', 'for machines')
    .addHelpText('after', examples(
      ['after a day of observing', 'portcullis learn observed.ndjson -o policy.yaml'],
      ['then', 'portcullis check policy.yaml && portcullis test policy.test.yaml && portcullis replay -p policy.yaml observed.ndjson'],
      ['runners are unpacked by version', 'portcullis learn --generalise path observed.ndjson'],
    ))
    .action(async (log: string, options: LearnOptions) => { done(await learn(log, options)); });
}

async function learn(from: string, { generalise = new Set(), output, listener, json }: LearnOptions): Promise<number> {
  const catalogue = await platformCatalogue();
  const learner = new Learner();
  const lines = new LogLines(from);
  const progress = new Progress(process.stderr, 'learn');
  const log = await readDecisions(lines, catalogue, (record, line) => {
    const seen = observe(record);
    if (typeof seen === 'string') learner.leaveOut(seen, line, record.uid, record.path);
    else learner.add(seen, line);
  }, {
    ...(listener && { listeners: new Set(listener) }),
    progress: (decisions) => { progress.show(lines.size === undefined ? undefined : lines.bytesRead / Math.max(lines.size, 1), plural(decisions, 'decision')); },
  }).finally(() => { progress.end(); });
  const learnt = learner.learn(generalise);
  const { leftOut } = learner;
  const policy = writePolicy(learnt);
  const policyTest = writeTest(learnt, basename(output ?? 'policy.yaml'));
  const loaded = learnt.rules.length === 0 ? undefined : compilePolicyText(policy, { catalogue, file: output ?? 'policy.yaml' });
  if (loaded !== undefined) requirePolicy(loaded);
  if (loaded !== undefined && output !== undefined) {
    writeBoth(output, policy, policyTest);
  }
  if (json === true) print(escapeJson(JSON.stringify({ learnt: learnt.rules.length, policy, test: policyTest, leftOut, log })));
  else {
    if (loaded !== undefined && loaded.findings.length > 0) say(formatFindings(loaded.findings, loaded.sources));
    if (loaded !== undefined && output === undefined) print(policy.trimEnd());
    say([`${plural(learnt.rules.length, 'rule')} from ${plural(log.decisions, 'decision')}`, ...leftOut.map(spellLeftOut), ...formatLog(log)].join('\n'));
  }
  return learnt.rules.length > 0 ? EXIT.ok : EXIT.failed;
}

function spellLeftOut({ why, uid, path, count, line }: LeftOut): string {
  const who = [...(uid === undefined ? [] : [`uid ${String(uid)}`]), ...(path === undefined ? [] : [escapeText(path, 200)])].join(' ');
  return `left out, ${String(count)} × ${who === '' ? 'nobody known' : who}, first in line ${String(line)}: ${escapeText(why, 300)}`;
}

/** `policy.test.yaml` of `policy.yaml`. */
function testName(path: string): string {
  return /\.ya?ml$/.test(path) ? path.replace(/(\.ya?ml)$/, '.test$1') : `${path}.test.yaml`;
}

/** The policy, and its test beside it: both or none. */
function writeBoth(path: string, policy: string, policyTest: string): void {
  write(path, policy);
  try {
    write(testName(path), policyTest);
  } catch (error) {
    rmSync(path);
    throw error;
  }
}

function write(path: string, text: string): void {
  try {
    // Never over another file: a policy that somebody wrote is worth more than one that was learnt.
    writeFileSync(path, text, { flag: 'wx', mode: 0o644 });
  } catch (cause) {
    throw new PortcullisError('REPORT_WRITE', `cannot write \`${path}\``, { cause, facts: { path } });
  }
}

function generalisations(text: string): ReadonlySet<Generalisation> {
  const words = text.split(',');
  const known = words.filter((word): word is Generalisation => word === 'path' || word === 'uid');
  if (known.length !== words.length) throw new InvalidArgumentError('path, uid, or path,uid.');
  return new Set(known);
}
