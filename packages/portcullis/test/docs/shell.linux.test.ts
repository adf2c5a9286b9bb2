import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { requireFeature } from '@portcullis/testkit';
import { allPages, joined, type Block } from './support/pages.js';
import { Scratch, writeFiles } from './support/scratch.js';

const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash']);
const LIMIT_MS = 45_000;
/** The only blocks that may go without a run: set-up of a whole machine, and what needs a daemon. */
const MAY_GO_WITHOUT = /\bnpm (?:ci|run|start|test|install)\b|\bnpx\b|\bsystemctl\b|\bdocker\b|\.ci\/run/;

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
  this.timeout(LIMIT_MS + 10_000);
  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'the commands attest peers on Linux');
    requireFeature(this, 'bash', existsSync('/bin/bash'), 'no /bin/bash');
    requireFeature(this, 'curl', existsSync('/usr/bin/curl'), 'no /usr/bin/curl');
  });

  for (const page of allPages()) {
    for (const block of joined(page.blocks.filter(({ language }) => SHELLS.has(language)))) {
      if (block.words.includes('no-run')) {
        it(`${block.at} is not run, for a reason that holds`, () => { assert.match(block.text, MAY_GO_WITHOUT); });
        continue;
      }
      it(`${block.at} runs`, async () => {
        const scratch = new Scratch();
        try {
          writeFiles(page, scratch);
          const { code, output } = await runBlock(block, scratch);
          assert.equal(code, 0, output);
        } finally {
          scratch.close();
        }
      });
    }
  }
});
