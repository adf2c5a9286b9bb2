// The units as they would be installed, but for the folders: read by systemd's own check, then done as they say by its stand-in, which
// listens, waits for the first client, and becomes the server.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const ACTIVATE = '/usr/bin/systemd-socket-activate';
const ANALYZE = '/usr/bin/systemd-analyze';
const SETPRIV = '/usr/bin/setpriv';
const ME = process.getuid();
const SERVICE_USER = 61184; // the first of those that DynamicUser= takes

const absent = [ACTIVATE, ANALYZE, SETPRIV].find((program) => !existsSync(program));
// `security --offline`: systemd 250
const old = absent === undefined && Number(/^systemd (\d+)/.exec(execFileSync(ANALYZE, ['--version'], { encoding: 'utf8' }))?.[1]) < 250;
if (absent !== undefined || old) {
  console.log(`skipped: ${absent === undefined ? 'systemd is older than 250' : `${absent} is not there`}`);
  process.exit();
}

const folder = mkdtempSync('/tmp/portcullis-example-');
chmodSync(folder, 0o755);
const PLACES = [['/usr/bin/node', process.execPath], ['/opt/portcullis-hello', import.meta.dirname], ['/etc/portcullis-hello', folder], ['/run/portcullis-hello', folder]];

/** The text of a unit, with our places in it, also written down for systemd-analyze. */
function install(name) {
  const text = PLACES.reduce((unit, [place, ours]) => unit.replaceAll(place, ours), readFileSync(join(import.meta.dirname, name), 'utf8'));
  writeFileSync(join(folder, name), text);
  return (key) => new RegExp(`^${key}=(.+)$`, 'm').exec(text)?.[1];
}

const socket = install('portcullis-hello.socket');
const service = install('portcullis-hello.service');
const path = socket('ListenStream');

function check() {
  const units = ['socket', 'service'].map((kind) => join(folder, `portcullis-hello.${kind}`));
  const { status, stdout, stderr } = spawnSync(ANALYZE, ['verify', '--man=no', ...units], { encoding: 'utf8', timeout: 30_000 });
  // What it complains of, it may still pass. Of other units of this machine it complains, too.
  assert.doesNotMatch(stdout + stderr, /portcullis-hello/);
  assert.equal(status, 0);
  // 0 is best and 100 worst. What is above 0 is said in the unit, and why.
  execFileSync(ANALYZE, ['security', '--offline=true', '--threshold=15', '--no-pager', units[1]], { stdio: ['ignore', 'ignore', 'inherit'], timeout: 30_000 });
}

/** What the unit's DynamicUser=, NoNewPrivileges= and CapabilityBoundingSet= come to, where that user can read this folder. */
function asService(command) {
  const lesser = [SETPRIV, `--reuid=${SERVICE_USER}`, `--regid=${SERVICE_USER}`, '--clear-groups', '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all', '--'];
  const can = ME === 0 && spawnSync(lesser[0], [...lesser.slice(1), '/usr/bin/test', '-r', join(import.meta.dirname, 'server.mjs')]).status === 0;
  return { command: can ? [...lesser, ...command] : command, who: can ? `as uid ${SERVICE_USER}, without capabilities` : `as uid ${ME}` };
}

const client = async (uid) => {
  const script = `const s = require('net').connect(${JSON.stringify(path)}); s.on('error', () => {}); s.pipe(process.stdout);`;
  return (await promisify(execFile)(process.execPath, ['-e', script], { ...(uid === ME ? {} : { uid, gid: uid }), timeout: 30_000 })).stdout;
};

/** Listens as the socket unit says, and asks; what becomes of the first client is the service unit's doing. */
async function withList(range, ask) {
  writeFileSync(join(folder, 'policy.yaml'), readFileSync(join(import.meta.dirname, 'policy.yaml'), 'utf8').replace('[1000, 59999]', range));
  const { command, who } = asService(service('ExecStart').split(' '));
  const started = spawn(ACTIVATE, [`--listen=${path}`, `--fdname=${socket('FileDescriptorName')}`, ...command], { stdio: ['ignore', 'pipe', 'pipe'], env: {} });
  const said = [];
  const lines = createInterface(started.stdout).on('line', (line) => { said.push(line); });
  const notes = createInterface(started.stderr).on('line', (line) => { said.push(line); });
  for (let line = ''; !line.startsWith('Listening on'); ) [line] = await once(notes, 'line');
  chmodSync(path, Number.parseInt(socket('SocketMode'), 8));
  assert.equal(said.includes('ready'), false, 'nothing runs before somebody comes');
  try {
    await ask(said, lines);
  } catch (error) {
    throw new Error(said.join('\n'), { cause: error });
  } finally {
    if (started.exitCode === null) {
      started.kill(service('KillSignal'));
      await once(started, 'exit');
    }
    rmSync(path, { force: true }); // RemoveOnStop=
  }
  return who;
}

try {
  check();
  console.log('the units are as systemd would have them');

  const who = await withList(`[${ME}, ${ME}]`, async () => { assert.equal(await client(ME), `hello, uid ${ME}\n`); });
  console.log(`admitted: a client whose coming started the server, ${who}`);

  await withList(`[${ME + 1}, ${ME + 1}]`, async (said, lines) => {
    assert.equal(await client(ME), '');
    while (!said.includes(`refused uid ${ME}`)) await once(lines, 'line');
    if (ME === 0) assert.equal(await client(1), 'hello, uid 1\n');
  });
  console.log('refused: a client that is not listed');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
