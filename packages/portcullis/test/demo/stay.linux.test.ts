import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { demoGroups, needLinux } from './support/needs.js';
import { DemoRun, processesOf, type Event } from './support/run.js';

const isResult = ({ event }: Event): boolean => event === 'demo-result';

/** This very process: a node, which no enforced rule admits. Returns the status. */
async function visit(socketPath: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/by-hand', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject).end();
  });
}

describe('npm start', function () {
  before(function () { needLinux(this); });

  it('stays up, shows who comes by hand, and ends cleanly on Ctrl-C', async () => {
    const run = new DemoRun(['--json']);
    const folder = await run.folder();
    await run.event(isResult);
    assert.equal(await visit(join(folder, 'gate.sock')), 403);
    const { decision } = await run.event(({ event, peer }) => event === 'decision' && (peer as { pid?: number } | undefined)?.pid === process.pid);
    assert.equal(decision, 'deny');
    run.child.kill('SIGINT');
    assert.equal(await run.end(), 0, run.text);
    assert.ok(run.events.some(({ event }) => event === 'stopped'));
    assert.ok(!existsSync(folder));
    assert.ok(run.text.includes('gate.sock http://demo/') || run.text.includes('visitor'));
  });

  it('reads the policy again when it is saved, and what was refused is let in', async () => {
    const run = new DemoRun(['--json']);
    const folder = await run.folder();
    await run.event(isResult);
    const policy = join(folder, 'policy.yaml');
    writeFileSync(policy, readFileSync(policy, 'utf8').replace('    mode: shadow\n', ''));
    await run.event(({ event, outcome }) => event === 'policy' && outcome === 'loaded');
    assert.equal(await visit(join(folder, 'gate.sock')), 200);
    run.child.kill('SIGTERM');
    assert.equal(await run.end(), 0, run.text);
    assert.ok(!existsSync(folder));
  });

  it('leaves nothing behind when it is told to stop while peers still come', async () => {
    const before = demoGroups();
    const run = new DemoRun(['--json']);
    const folder = await run.folder();
    run.child.kill('SIGTERM');
    assert.equal(await run.end(), 143, run.text);
    assert.ok(!existsSync(folder));
    assert.deepEqual(demoGroups(), before);
    assert.deepEqual(processesOf(folder), []);
  });
});
