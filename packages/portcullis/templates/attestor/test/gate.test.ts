import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createGate } from 'portcullis';
import { register } from 'portcullis-attestor-acme';

const CLIENT = `require('node:http').get({ socketPath: process.argv[1] }, (response) => response.pipe(process.stdout)).on('error', () => {})`;

/** A real process, through a real gate. */
async function visit(labels: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'acme-'));
  chmodSync(folder, 0o755);
  const [file, policy, path] = ['table.json', 'policy.yaml', 'gate.sock'].map((name) => join(folder, name)) as [string, string, string];
  writeFileSync(file, JSON.stringify({ [process.geteuid?.() ?? 0]: labels }), { mode: 0o644 });
  writeFileSync(policy, 'apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n  - { id: blue, effect: allow, when: { acme:label: blue } }\n');
  const gate = await createGate({ policy, plugins: [(registrar) => { register(registrar, { file }); }] });
  try {
    await gate.listen(createServer((_request, response) => { response.end('welcome'); }), { path });
    return await new Promise((resolve) => { execFile(process.execPath, ['-e', CLIENT, path], (_error, stdout) => { resolve(stdout); }); });
  } finally {
    await gate.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('a policy over labels', () => {
  it('admits who has one', async () => { assert.equal(await visit(['blue', 'red']), 'welcome'); });
  it('refuses who has another', async () => { assert.equal(await visit(['red']), ''); });
});
