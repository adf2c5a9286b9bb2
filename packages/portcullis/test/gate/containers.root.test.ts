import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { LinuxAttestor } from '@portcullis/attestor-linux';
import { admissionOf, Catalogue } from '@portcullis/core';
import { compilePolicyText, requirePolicy } from '@portcullis/policy';
import { Podman, requireFeature, type PodmanCommand } from '@portcullis/testkit';
import { Harness, needLinux, until } from './support/harness.js';

const CURL = '/usr/bin/curl';
/** The host's programs, so that the image needs none. */
const PROGRAMS = ['/usr', '/lib', '/lib64'].filter((path) => existsSync(path)).flatMap((path) => ['-v', `${path}:${path}:ro`]);

/** A gate's socket, mounted into real containers. */
describe('the gate and containers', function () {
  let podman: Podman;
  let harness: Harness;
  let attestor: LinuxAttestor;
  let one: string;
  let two: string;
  before(function () {
    this.timeout(120_000);
    needLinux(this);
    requireFeature(this, 'curl', existsSync(CURL), `${CURL} is not there`);
    podman = Podman.open(this);
    podman.image('job');
  });
  beforeEach(() => {
    harness = new Harness();
    attestor = new LinuxAttestor();
    [one, two] = [start(), start()];
  });
  afterEach(async () => {
    await harness.close();
    podman.run('rm', '--force', '--time', '0', one, two);
  });
  after(async () => { await (podman as Podman | undefined)?.close(); });

  function start(): string {
    return podman.start('job', ['/bin/busybox', 'sleep', '600'], ['-v', `${harness.folder}:/gate`, ...PROGRAMS]);
  }

  async function serve(rule: string): Promise<void> {
    const text = `apiVersion: portcullis/v1\nkind: AdmissionPolicy\nrules:\n  - id: rule\n    effect: allow\n    when: ${rule}\n    grant: { role: job }\n`;
    const policy = requirePolicy(compilePolicyText(text, { catalogue: new Catalogue(attestor.selectors) }));
    const gate = await harness.gate({ policy, attestors: [attestor] });
    await gate.listen(createServer((request, response) => { response.end(JSON.stringify(admissionOf(request).decision.grant)); }), { path: harness.path });
    chmodSync(harness.path, 0o666);
  }

  /** What curl got: the answer's text, or nothing. */
  function curl({ command, args, env }: PodmanCommand): Promise<string> {
    return new Promise((resolve) => { execFile(command, args, { env }, (_error, stdout) => { resolve(stdout.trim()); }); });
  }

  const inside = (container: string): Promise<string> => curl(podman.inside(container, [CURL, '--silent', '--unix-socket', '/gate/gate.sock', 'http://x/']));
  const outside = (...through: readonly string[]): Promise<string> =>
    curl({ command: '/usr/bin/env', args: [...through, CURL, '--silent', '--unix-socket', harness.path, 'http://x/'], env: {} });

  it('admits a container by its id, and refuses another of the same image, and the host', async () => {
    await serve(`{ container:id: ${one}, container:runtime: podman }`);
    assert.deepEqual([await inside(one), await inside(two), await outside()], ['{"role":"job"}', '', '']);
    await until(() => harness.records.length === 3);
    assert.deepEqual(harness.records.map(({ decision }) => decision.cause), ['rule', 'default', 'default']);
  });

  it('admits who is in no container, and neither one who is nor one whose namespaces leave it open (I4)', async () => {
    await serve('{ unix:uid: 0, container:id: { exists: false } }');
    assert.deepEqual([await outside(), await inside(one), await outside('/usr/bin/unshare', '-n')], ['{"role":"job"}', '', '']);
  });
});
