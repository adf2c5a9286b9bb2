// One agent, the SDK's own client, run by three programs of one user.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const folder = mkdtempSync('/tmp/portcullis-example-');
const [path, policy, editor, stranger] = ['mcp.sock', 'policy.yaml', 'editor', 'stranger'].map((name) => join(folder, name));
const node = realpathSync(process.execPath);
for (const program of [editor, stranger]) copyFileSync(node, program);
// The page's policy, with the places of this machine.
writeFileSync(policy, readFileSync(join(import.meta.dirname, 'policy.yaml'), 'utf8').replace('/usr/bin/node', node).replace('/opt/notes/editor', editor));

/** What the agent says that `program` runs. */
const agent = (program, tool) => new Promise((resolve) => {
  execFile(program, ['agent.mjs', path, tool], { cwd: import.meta.dirname, encoding: 'utf8', timeout: 30_000 }, (error, stdout, stderr) => { resolve(stdout === '' ? { error: String(error), stderr } : JSON.parse(stdout)); });
});

const server = spawn(process.execPath, ['server.mjs', path, policy], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
try {
  const lines = [];
  const output = createInterface(server.stdout).on('line', (line) => { lines.push(line); });
  await once(output, 'line');
  assert.deepEqual(lines, [`listening on ${path}`]);

  assert.deepEqual(await agent(node, 'list_notes'), { tools: ['list_notes'], said: 'the first note', isError: false });
  console.log('admitted: an agent of node is offered list_notes');
  assert.equal((await agent(node, 'add_note')).isError, true);
  console.log('admitted: it calls add_note nevertheless, and there is no such tool for it');

  assert.deepEqual(await agent(editor, 'add_note'), { tools: ['add_note', 'list_notes'], said: 'there are 2', isError: false });
  console.log('admitted: the same agent, run by the editor, writes');

  const { tools, error } = await agent(stranger, 'list_notes');
  assert.deepEqual([tools, typeof error], [undefined, 'string'], error); // its connection ended
  assert.match(lines.at(-1), new RegExp(`^refused: .*unix:path is ${stranger}`));
  console.log('refused: the same agent, run by a copy that nobody listed');
} finally {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}
