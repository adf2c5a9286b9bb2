import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { admissionOf, type Admission } from '@portcullis/core';
import { Podman, requireFeature, skipUnless } from '@portcullis/testkit';
import { ContainerAttestor } from '@portcullis/attestor-container';
import { createGate, type PolicyGate } from '../../dist/index.js';
import { mine, sourceFolder } from '../cli/support/mine.js';
import { portcullisProcess as portcullis } from '../cli/support/run.js';
import { Serving } from '../cli/support/serving.js';
import { httpHello, UpstreamServer } from '../cli/support/upstream.js';

const CURL = '/usr/bin/curl';
/** The host's programs, so that the image needs none. */
const PROGRAMS = ['/usr', '/lib', '/lib64'].filter((path) => existsSync(path)).flatMap((path) => ['-v', `${path}:${path}:ro`]);

const POLICY = `apiVersion: portcullis/v1
kind: AdmissionPolicy
rules:
  - id: front-ends
    effect: allow
    when: { container:label: "tier=front" }
    grant: { role: front }
`;

describe('a gate whose policy names labels of containers', function () {
  this.timeout(120_000);
  let podman: Podman;
  let service: string;
  let folder: string;
  let gate: PolicyGate;
  const records: Admission[] = [];
  before(async function () {
    requireFeature(this, 'curl', existsSync(CURL), `${CURL} is not there`);
    podman = Podman.open(this);
    podman.image('job');
    service = await podman.service();
    folder = mkdtempSync('/tmp/portcullis-labels-');
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'policy.yaml'), POLICY);
    gate = await createGate({
      policy: join(folder, 'policy.yaml'), attestors: [new ContainerAttestor({ socket: service, timeoutMs: 30_000 })], deadlineMs: 60_000,
      sink: { record: (admission) => { records.push(admission); } },
    });
    const path = join(folder, 'gate.sock');
    await gate.listen(createServer((request, response) => { response.end(JSON.stringify(admissionOf(request).decision.grant)); }), { path });
    chmodSync(path, 0o666);
  });
  after(async () => {
    await (gate as PolicyGate | undefined)?.close({ drainMs: 0 });
    await (podman as Podman | undefined)?.close();
    if ((folder as string | undefined) !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  function curl(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    return new Promise((resolve) => { execFile(command, args, { env }, (_error, stdout) => { resolve(stdout.trim()); }); });
  }

  /** `podman run`, of the same image and program. */
  function fromContainer(socket: string, ...options: readonly string[]): Promise<string> {
    const { command, args, env } = podman.container('job', [CURL, '--silent', '--unix-socket', `/gate/${socket}`, 'http://x/'], ['-v', `${folder}:/gate`, ...PROGRAMS, ...options]);
    return curl(command, args, env);
  }

  it('admits one container by its label, and refuses its twin and the host', async () => {
    assert.equal(await fromContainer('gate.sock', '--label', 'tier=front'), '{"role":"front"}');
    assert.equal(await fromContainer('gate.sock', '--label', 'tier=back'), '');
    assert.equal(await fromContainer('gate.sock'), '');
    assert.equal(await curl(CURL, ['--silent', '--unix-socket', join(folder, 'gate.sock'), 'http://x/']), '');
    assert.deepEqual(records.map(({ decision }) => decision.cause), ['rule', 'default', 'default', 'default']);
    assert.deepEqual(records.map(({ evidence }) => evidence.get('container:label')?.state), ['present', 'present', 'absent', 'absent']);
    assert.deepEqual(records[1]?.nearest?.failed.map(({ expected, observed }) => [expected, observed]), [['tier=front', ['tier=back']]]);
  });

  // What SPIRE's docker attestor calls it, what the importer makes of it and what this attestor says: one and the same.
  it('behind `portcullis serve`, by a policy from a registration entry of SPIRE, admits the container that is meant, and not its twin, nor either while the daemon is down', async function () {
    const plugin = sourceFolder('attestor-container');
    skipUnless(this, mine(plugin), 'the repository is not ours and root\'s alone, so that no plugin may be loaded from it');
    const imageId = podman.run('image', 'inspect', '--format', '{{.Id}}', 'job');
    const docker = ['label:tier:front', 'env:ROLE=a=b', 'image_id:localhost/job:latest', `image_config_digest:sha256:${imageId}`].map((value) => ({ type: 'docker', value }));
    writeFileSync(join(folder, 'entries.json'), JSON.stringify({ entries: [{ spiffe_id: 'spiffe://example.org/front', parent_id: 'spiffe://example.org/agent', selectors: docker }] }));
    const made = await portcullis(['import', 'spire', join(folder, 'entries.json'), '--plugin', plugin, '-o', join(folder, 'imported.yaml')]);
    assert.equal(made.code, 0, made.stderr);
    writeFileSync(join(folder, 'gateway.yaml'), [
      'apiVersion: portcullis/v1', 'kind: Gateway', 'plugins:', `  - { use: ${plugin}, options: { socket: ${service}, timeoutMs: 30000 } }`, 'listeners:',
      `  - { name: front, listen: { path: ${join(folder, 'serve.sock')}, mode: 666 }, upstream: "unix:${join(folder, 'up.sock')}", policy: imported.yaml, deadline: 60 }`, '',
    ].join('\n'));
    const upstream = await UpstreamServer.listen(join(folder, 'up.sock'), httpHello);
    const serving = await Serving.start([join(folder, 'gateway.yaml')]);
    try {
      assert.equal(await fromContainer('serve.sock', '--label', 'tier=front', '--env', 'ROLE=a=b'), 'hello');
      assert.equal(await fromContainer('serve.sock', '--label', 'tier=front', '--env', 'ROLE=a'), '');
      assert.equal(await fromContainer('serve.sock', '--label', 'tier=back', '--env', 'ROLE=a=b'), '');
      assert.deepEqual(serving.of('decision').map(({ decision }) => decision), ['allow', 'deny', 'deny']);
      await podman.stopService(); // its socket stays, and nobody answers: unknown is not absent, and allows nothing (I4)
      assert.equal(await fromContainer('serve.sock', '--label', 'tier=front', '--env', 'ROLE=a=b'), '');
      const { decision, unknown } = await serving.until('decision', 4);
      assert.equal(decision, 'deny');
      assert.match(String((unknown as Record<string, unknown>)['container:label']), /^service-down: .*ECONNREFUSED/);
      assert.ok(!serving.lines.join().includes('a=b'), 'a value of the environment is in a record (I10)');
    } finally {
      await serving.stop();
      await upstream.close();
    }
  });
});
