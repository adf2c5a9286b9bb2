import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { requireFeature } from '@portcullis/testkit';
import { allPages, joined, type Block, type Page } from './support/pages.js';
import { Scratch, writeFiles } from './support/scratch.js';

const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash']);
const LIMIT_MS = 45_000;
/** The only blocks that may go without a run: set-up of a whole machine, and what needs a daemon. */
const MAY_GO_WITHOUT = /\bnpm (?:ci|run|start|test|install)\b|\bnpx\b|\bsystemctl\b|\bdocker\b|\.ci\/run/;

/** How a block ended, and what it said. */
interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a block with bash, in a process group of its own that ends with it. */
function runBlock({ text }: Block, scratch: Scratch): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: `${scratch.bin}:${process.env['PATH'] ?? ''}`, NO_COLOR: '1' };
    const child = spawn('/bin/bash', ['-euo', 'pipefail', '-c', text], { cwd: scratch.folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (some: string) => { output += some; });
    const endGroup = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch { /* all of it has ended */ }
    };
    const timer = setTimeout(endGroup, LIMIT_MS);
    child.on('error', reject);
    // Not `close`: what runs in the background still holds the pipes.
    child.on('exit', (code) => {
      clearTimeout(timer);
      endGroup();
      resolve({ code, output });
    });
  });
}

describe('shell blocks of the documentation', function () {
  this.timeout(2 * LIMIT_MS + 10_000);
  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'the commands attest peers on Linux');
    requireFeature(this, 'bash', existsSync('/bin/bash'), 'no /bin/bash');
    requireFeature(this, 'curl', existsSync('/usr/bin/curl'), 'no /usr/bin/curl');
  });

  const blocks = allPages().flatMap((page) => joined(page.blocks.filter(({ language }) => SHELLS.has(language))).map((block) => ({ page, block })));
  for (const { block } of blocks.filter((one) => !isRun(one))) {
    it(`${block.at} is not run, for a reason that holds`, () => { assert.match(block.text, MAY_GO_WITHOUT); });
  }

  // Two at a time, each in a folder of its own: a block is a chain of commands, which mostly load themselves.
  const run = blocks.filter(isRun);
  const begun = new Map<number, Promise<Ended>>();
  const begin = (at: number): Promise<Ended> | undefined => {
    const one = run[at];
    if (one !== undefined && !begun.has(at)) begun.set(at, runInScratch(one.page, one.block));
    begun.get(at)?.catch(() => undefined); // whoever waits for it hears of it
    return begun.get(at);
  };
  for (const [at, { block }] of run.entries()) {
    it(`${block.at} runs`, async () => {
      const ended = begin(at);
      begin(at + 1);
      const { code, output } = await ended!;
      assert.equal(code, 0, output);
    });
  }
  after(() => Promise.allSettled(begun.values()));
});

function isRun({ block }: { readonly block: Block }): boolean {
  return !block.words.includes('no-run');
}

async function runInScratch(page: Page, block: Block): Promise<Ended> {
  const scratch = new Scratch();
  try {
    writeFiles(page, scratch);
    return await runBlock(block, scratch);
  } finally {
    scratch.close();
  }
}
