import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LinuxAttestor, openPid } from '@portcullis/attestor-linux';
import { Collector, type Evidenced, type Pid, type SelectorKey } from '@portcullis/core';
import { requireRoot, skipUnless } from '@portcullis/testkit';
import { KubernetesAttestor } from '@portcullis/attestor-kubernetes';
import { ALL } from './support/ask.js';
import { Kubelet, WEB, WEB_POD } from './support/kubelet.js';

const ROOTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd'].filter((path) => existsSync(join(path, 'cgroup.procs')));

/** A real process in the cgroup of a pod, anchored by the platform's attestor; the kubelet is a local server. */
describe('a process in the cgroup of a pod', () => {
  let kubelet: Kubelet;
  const made: string[] = [];
  let child: ChildProcess;

  before(function () {
    skipUnless(this, process.platform === 'linux', 'needs Linux');
    requireRoot(this, 'needs to make cgroups');
  });
  beforeEach(() => {
    kubelet = new Kubelet();
    child = spawn('/bin/sleep', ['600'], { stdio: 'ignore' });
  });
  afterEach(async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    for (const folder of made.splice(0).reverse()) rmdirSync(folder);
    await kubelet.close();
  });

  function move(...names: readonly string[]): void {
    for (const root of ROOTS) {
      let at = root;
      for (const name of names) {
        at = join(at, name);
        if (existsSync(at)) continue;
        mkdirSync(at);
        made.push(at);
      }
      writeFileSync(join(at, 'cgroup.procs'), String(child.pid));
    }
  }

  async function look(): Promise<ReadonlyMap<SelectorKey, Evidenced>> {
    const peer = openPid(child.pid as Pid);
    if ('refused' in peer) throw new Error(peer.detail);
    const linux = new LinuxAttestor();
    const evidence = new Map<SelectorKey, Evidenced>();
    try {
      const collector = new Collector([linux, new KubernetesAttestor({ url: await kubelet.serve(), timeoutMs: 20_000 })]);
      const wanted = new Set(ALL);
      while (ALL.some((key) => !evidence.has(key))) await collector.collect(wanted, peer, evidence, AbortSignal.timeout(30_000));
      assert.equal(peer.verify(), undefined);
      return evidence;
    } finally {
      peer.close();
      await linux.close();
    }
  }

  it('has the namespace and the labels of its pod', async () => {
    move('kubepods', `pod${WEB_POD}`, WEB);
    const found = await look();
    assert.deepEqual(found.get('k8s:ns'), { state: 'present', values: ['prod'], tier: 'heuristic' }, JSON.stringify([...found]));
    assert.deepEqual(found.get('k8s:container-name'), { state: 'present', values: ['web'], tier: 'heuristic' });
  });

  it('that is another pod with the id of that container has none of it', async () => {
    move('kubepods', 'podb5555555-0000-4000-8000-000000000001', WEB);
    assert.equal((await look()).get('k8s:ns')?.state, 'unknown');
  });

  it('whose cgroup only looks like one has none of it, and the kubelet is not asked (T7)', async () => {
    move('portcullis-user', 'kubepods', `pod${WEB_POD}`, WEB);
    assert.equal((await look()).get('k8s:ns')?.state, 'unknown');
    assert.equal(kubelet.asked, 0);
  });
});
