import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cgroupIdentity, INITIAL_CGROUP_NAMESPACE, type CgroupIdentity } from '../../dist/proc/cgroup-identity.js';
import { parseCgroup } from '../../dist/proc/parse-cgroup.js';
import { bytes, fixture, scenariosWith } from './fixtures.js';

const A = '3f0c9d1a7b5e2c4680aa11bb22cc33dd44ee55ff66007788990011aabbccddee';
const POD = '1e597579-417e-482f-bf65-5fe170c3aebd';
const STATIC_POD = '05c9d9ab9ebd4a7b6d3f3c1b9cbd1a2e';

/** What is expected of a scenario: the container as `runtime id pod`, else a look-alike, else a host process; then the unit. */
const GOLDEN: Readonly<Record<string, string>> = {
  'containerd-kubernetes-guaranteed-v2': `containerd ${A} ${POD}; cri-containerd-${A}.scope`,
  'containerd-kubernetes-mixed-drivers-v1': `containerd ${A} ${POD}; containerd.service`,
  'containerd-kubernetes-systemd-v2': `containerd ${A} ${POD}; cri-containerd-${A}.scope`,
  'crio-cgroupfs-v1': `cri-o ${A} ${POD}`,
  'crio-conmon-v2': `host; crio-conmon-${A}.scope`,
  'crio-kubernetes-systemd-v2': `cri-o ${A} ${POD}; crio-${A}.scope`,
  'ctr-default-hybrid': 'look-alike',
  'docker-cgroupfs-hybrid': 'docker 1585b6346f756f8a81b2bc4984a2d7dbdeb2f4e0d6f3ff1e91f110e70216bc81',
  'docker-cgroupfs-v1-containerd-v2': `docker ${A}`,
  'docker-desktop-kubepods-twice': `cri ${A} ${POD}`,
  'docker-systemd-v1': `docker ${A}; docker-${A}.scope`,
  'docker-systemd-v2': `docker ${A}; docker-${A}.scope`,
  'docker-user-slice-parent': `look-alike; docker-${A}.scope`,
  'ecs-cgroupfs-v1': `docker ${A}`,
  'ecs-systemd-v2': `docker ${A}; docker-${A}.scope`,
  'forged-delegated-hybrid': 'look-alike',
  'gvisor-docker-hybrid': 'docker cf180465d2ebd18f55461a1f2d4b0e2d5c62967a5e641ca6c116fecab4b10246',
  'gvisor-docker-v2': `docker ${A}; docker-${A}.scope`,
  'gvisor-kubernetes-cgroupfs-v1': 'cri 5639be67535564ae94c92df6f4e6327151706cb5d115c5a48c29613b09f3e52b d6e810b2-23b0-4e89-9f2a-a33ed4d89c2d',
  'host-hybrid': 'host',
  'hostile-cgroup-name-hybrid': 'host',
  'kind-host-reader-v2': `docker ${A}; docker-${A}.scope`,
  // Read as if our namespace were the initial one: the caller has to say that it is not (see below).
  'kind-node-reader-v2': `containerd 9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d ${POD}; cri-containerd-9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d.scope`,
  'kubernetes-cgroupfs-v1': `cri ${A} ${POD}`,
  'kubernetes-pod-without-container-v2': 'look-alike',
  'kubernetes-static-pod-v2': `containerd ${A} ${STATIC_POD}; cri-containerd-${A}.scope`,
  'libcgroup-user-top-level-v2': 'look-alike',
  'libvirt-v2': 'host; machine-qemu\\x2d1\\x2dvm.scope',
  'lxc-monitor-hybrid': 'host',
  'lxc-payload-hybrid': 'look-alike',
  'lxc-v1': 'look-alike',
  'nerdctl-systemd-v2': `containerd ${A}; nerdctl-${A}.scope`,
  'nested-in-podman-hybrid': 'podman 8116c732f2afd1886cc04b4fa7a0d744c041473a2bbab7d30430a9a191673a00',
  'nspawn-v2': 'look-alike; machine-web1.scope',
  'podman-cgroupfs-hybrid': 'podman 7bcbdfde9623ef4b49892c88b9ee9339877c0163ab27c4fb59ac1512cf793db2',
  'podman-conmon-hybrid': 'host',
  'podman-conmon-systemd-v2': `host; libpod-conmon-${A}.scope`,
  'podman-pod-systemd-v2': `podman ${A}; libpod-${A}.scope`,
  'podman-quadlet-split-v2': `podman ${A}; web.service`,
  'podman-rootless-v2': `look-alike; user@1000.service; user libpod-${A}.scope`,
  'podman-systemd-v2': `podman ${A}; libpod-${A}.scope`,
  'removed-group-hybrid': 'host',
  'systemd-delegated-forgery-v2': 'host; bob.service',
  'systemd-escaped-v2': 'host; app\\x2dworker@1.service',
  'systemd-init-v2': 'host; init.scope',
  'systemd-instance-v2': 'host; getty@tty1.service',
  'systemd-service-v2': 'host; ssh.service',
  'systemd-session-v2': 'host; session-3.scope',
  'systemd-user-unit-v2': 'host; user@1000.service; user vte-spawn-812.scope',
  'v1-disagreement': 'look-alike',
  zombie: 'host',
};

function identify(text: string | Buffer): CgroupIdentity {
  const lines = parseCgroup(typeof text === 'string' ? bytes(text) : text);
  const identity = lines && cgroupIdentity(lines);
  assert.ok(identity);
  return identity;
}

function spelled(identity: CgroupIdentity): string {
  const { container, lookalike, unit, userUnit } = identity;
  const found = container === undefined ? undefined : [container.runtime, container.id, container.podUid].filter((part) => part !== undefined).join(' ');
  return [found ?? (lookalike === true ? 'look-alike' : 'host'), unit, userUnit && `user ${userUnit}`].filter((part) => part !== undefined).join('; ');
}

describe('cgroup-identity', () => {
  for (const [scenario, expected] of Object.entries(GOLDEN)) {
    it(`says of ${scenario}: ${expected.replaceAll(/[0-9a-f]{56}\b/g, '…')}`, () => {
      assert.equal(spelled(identify(fixture(`${scenario}/cgroup`))), expected);
    });
  }

  it('has an expectation for every captured or reconstructed layout that can be decoded', () => {
    assert.deepEqual(
      scenariosWith('cgroup').filter((scenario) => scenario !== 'not-utf8-cgroup-name-hybrid'),
      Object.keys(GOLDEN).sort(),
    );
  });

  it('never anchors below a group that somebody else than root may own', () => {
    const below = ['/user.slice', '/user.slice/user-1000.slice', '/user.slice/user-1000.slice/user@1000.service/app.slice', '/system.slice/bob.service', '/bob', '/lxc.payload.web1', '/system.slice/system.slice', '/machine.slice/machine-web1.scope/payload'];
    const forged = [`/docker-${A}.scope`, `/docker/${A}`, `/libpod-${A}.scope`, `/kubepods.slice/cri-containerd-${A}.scope`, `/kubepods/burstable/pod${POD}/${A}`, `/libpod_parent/libpod-${A}`, `/libpod-payload-${A}`, `/lxc.payload.x`];
    for (const parent of below) {
      for (const name of forged) {
        const identity = identify(`0::${parent}${name}\n`);
        // Whether root owns a system service's group its name does not say: the folders do (anchor.root.test.ts).
        if (parent === '/system.slice/bob.service' && name.startsWith('/libpod-payload')) assert.equal(identity.container?.depth, 3);
        else assert.deepEqual([identity.container, identity.lookalike], [undefined, true], `${parent}${name}`);
      }
    }
  });

  it('says how deep the folder of the container is, whatever is below it', () => {
    const depths = { [`/docker/${A}/x/y`]: 2, [`/system.slice/docker-${A}.scope/init`]: 2, [`/libpod_parent/${A}/libpod-${A}/z`]: 3, [`/kubelet/kubepods/burstable/pod${POD}/${A}`]: 5, [`/system.slice/containerd.service/kubepods-pod${STATIC_POD}.slice:cri-containerd:${A}/a`]: 3 };
    for (const [path, depth] of Object.entries(depths)) assert.equal(identify(`0::${path}\n`).container?.depth, depth, path);
  });

  it('keeps the id whole: a shorter, longer, upper-case or decorated one is a look-alike', () => {
    for (const id of [A.slice(1), `${A}0`, A.toUpperCase(), `${A}-x`, `x${A}`, A.slice(0, 12)]) {
      const identity = identify(`0::/system.slice/docker-${id}.scope\n`);
      assert.deepEqual([identity.container, identity.lookalike], [undefined, true], id);
    }
  });

  it('names the outermost container of a nest, whatever is below it', () => {
    const segment = fc.constantFrom('init', 'system.slice', `docker-${'b'.repeat(64)}.scope`, 'docker', 'b'.repeat(64), 'kubepods', 'payload', 'x (deleted)', 'lxc.payload.y', 'user.slice');
    const anchored = fc.constantFrom(`/system.slice/docker-${A}.scope`, `/docker/${A}`, `/libpod_parent/libpod-${A}`, `/kubepods/pod${POD}/${A}`, `/machine.slice/libpod-${A}.scope`);
    fc.assert(
      fc.property(anchored, fc.array(segment, { maxLength: 6 }), (outer, inner) => {
        const identity = identify(`0::${[outer, ...inner].join('/')}\n`);
        assert.equal(identity.container?.id, A);
        assert.equal(identity.lookalike, undefined);
      }),
    );
  });

  it('never finds a container through a user slice, whatever is below it', () => {
    const segment = fc.oneof(fc.constantFrom('user-1000.slice', 'user@1000.service', 'system.slice', 'docker', A, `docker-${A}.scope`, 'containerd.service'), fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 }).map((text) => text.replaceAll(/[/\n]/g, '_')));
    fc.assert(fc.property(fc.array(segment, { maxLength: 6 }), (inner) => identify(`0::/${['user.slice', ...inner].join('/')}\n`).container === undefined));
  });

  it('lets hierarchies without a container abstain, and refuses those that name different ones or a look-alike', () => {
    assert.equal(identify(`2:memory:/docker/${A}\n1:cpu:/\n0::/system.slice/containerd.service\n`).container?.id, A);
    assert.equal(identify(`2:memory:/docker/${A}\n1:cpu:/docker/${'b'.repeat(64)}\n`).lookalike, true);
    const mixed = identify(`2:memory:/docker/${A}\n0::/user.slice/user-1000.slice/user@1000.service/docker-${A}.scope\n`);
    assert.deepEqual([mixed.container, mixed.lookalike], [undefined, true]);
  });

  it('takes path and unit from the hierarchy that systemd manages', () => {
    assert.equal(identify('2:memory:/a\n1:name=systemd:/system.slice/ssh.service\n0::/b\n').unit, 'ssh.service');
    assert.equal(identify('2:memory:/a\n0::/system.slice/ssh.service\n').path, '/system.slice/ssh.service');
    assert.equal(identify('2:memory:/a\n1:cpu:/b\n').path, '/a');
  });

  it('says the innermost slice of the system, and no unit for a name that systemd would not give', () => {
    assert.equal(identify('0::/system.slice/system-getty.slice/getty@tty1.service\n').slice, 'system-getty.slice');
    assert.equal(identify('0::/system.slice/a b.service\n').unit, undefined);
    assert.equal(identify('0::/system.slice/ssh\n').unit, undefined);
    assert.equal(identify('0::/ssh.service\n').unit, undefined);
    assert.equal(identify('0::/system.slice/machine.slice/ssh.service\n').unit, undefined);
    assert.equal(identify('0::/system.slice/_cpu.service\n').unit, 'cpu.service');
    assert.equal(identify('0::/system.slice/user@1000.service/app.slice/a.service\n').userUnit, undefined);
  });

  it('proves nothing to a reader in a cgroup namespace, and nothing of a process outside of ours', () => {
    const inNode = parseCgroup(fixture('kind-node-reader-v2/cgroup'));
    const own = parseCgroup(fixture('podman-private-cgroupns-hybrid/cgroup.self'));
    assert.ok(inNode && own);
    for (const lines of [inNode, own]) {
      const identity = cgroupIdentity(lines, { namespaced: true });
      assert.deepEqual([identity?.container, identity?.lookalike, identity?.namespaced, identity?.unit], [undefined, true, true, undefined]);
    }
    for (const file of ['cgroup.sibling', 'cgroup.host-process']) {
      const identity = identify(fixture(`podman-private-cgroupns-hybrid/${file}`));
      assert.deepEqual([identity.container, identity.lookalike, identity.namespaced], [undefined, true, true]);
    }
    assert.equal(INITIAL_CGROUP_NAMESPACE, 4026531835);
  });

  it('never throws, and never has a container beside a look-alike', () => {
    const piece = fc.constantFrom('/', '..', 'docker', A, `docker-${A}.scope`, 'system.slice', 'user.slice', 'kubepods', `pod${POD}`, 'payload', '-', '.slice', 'a');
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 8 }), { minLength: 1, maxLength: 4 }), (paths) => {
        const lines = paths.map((path, hierarchy) => ({ hierarchy, controllers: [], path: `/${path.join('')}`, deleted: false }));
        const identity = cgroupIdentity(lines);
        assert.ok(identity?.container === undefined || identity.lookalike === undefined);
      }),
    );
    assert.equal(cgroupIdentity([]), undefined);
  });
});
