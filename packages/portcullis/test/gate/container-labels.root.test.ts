import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { admissionOf, type Admission } from '@portcullis/core';
import { Podman, requireFeature } from '@portcullis/testkit';
import { ContainerAttestor } from '../../../attestor-container/dist/index.js';
import { createGate, type PolicyGate } from '../../dist/index.js';

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
  function fromContainer(...options: readonly string[]): Promise<string> {
    const { command, args, env } = podman.container('job', [CURL, '--silent', '--unix-socket', '/gate/gate.sock', 'http://x/'], ['-v', `${folder}:/gate`, ...PROGRAMS, ...options]);
    return curl(command, args, env);
  }

  it('admits one container by its label, and refuses its twin and the host', async () => {
    assert.equal(await fromContainer('--label', 'tier=front'), '{"role":"front"}');
    assert.equal(await fromContainer('--label', 'tier=back'), '');
    assert.equal(await fromContainer(), '');
    assert.equal(await curl(CURL, ['--silent', '--unix-socket', join(folder, 'gate.sock'), 'http://x/']), '');
    assert.deepEqual(records.map(({ decision }) => decision.cause), ['rule', 'default', 'default', 'default']);
    assert.deepEqual(records.map(({ evidence }) => evidence.get('container:label')?.state), ['present', 'present', 'absent', 'absent']);
    assert.deepEqual(records[1]?.nearest?.failed.map(({ expected, observed }) => [expected, observed]), [['tier=front', ['tier=back']]]);
  });
});
