import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import {
  receiveMessages, type Admission, type Attestor, type Message, type MessageOptions, type MessageReceiver, type MessageSocketKind, type MessageTarget, type Policy,
} from '@portcullis/core';
import { LinuxAttestor, LinuxMessagePort, probeCapabilities, type Capabilities, type PeerSourceOptions } from '@portcullis/attestor-linux';
import { PeerProcess, type StartOptions } from './peer-process.js';
import { sender } from './messages.js';

export interface ReceivingOptions extends Partial<Omit<MessageOptions, 'policy' | 'attestors' | 'port'>> {
  readonly kind?: MessageSocketKind;
  readonly without?: Partial<Capabilities>;
  readonly self?: PeerSourceOptions['self'];
  readonly others?: readonly Attestor[];
  readonly where?: MessageTarget;
}

/** A receiver on a path that everybody may write to, what it handed on, what it refused, and the processes that send. */
export class Receiving {
  readonly folder = mkdtempSync('/tmp/portcullis-messages-');
  readonly path = join(this.folder, 's');
  readonly kind: MessageSocketKind;
  /** In the order in which they were handed on. */
  readonly messages: Message[] = [];
  readonly refused: Admission[] = [];
  readonly failures: unknown[] = [];
  receiver!: MessageReceiver;
  readonly #processes: PeerProcess[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(kind: MessageSocketKind) {
    this.kind = kind;
  }

  static async start(policy: Policy, options: ReceivingOptions = {}): Promise<Receiving> {
    const { kind = 'datagram', without, self, others = [], where, ...more } = options;
    const receiving = new Receiving(kind);
    chmodSync(receiving.folder, 0o755);
    const port = new LinuxMessagePort({ ...(self && { self }), capabilities: { ...probeCapabilities(), ...without } });
    const handler = (message: Message): void => { receiving.messages.push(message); receiving.#changed(); };
    receiving.receiver = await receiveMessages({ ...more, policy, attestors: [...others, new LinuxAttestor()], port }, where ?? { path: receiving.path, mode: 0o666, kind }, handler);
    receiving.receiver.on('denied', (admission) => { receiving.refused.push(admission); receiving.#changed(); });
    receiving.receiver.on('failed', ({ error }) => { receiving.failures.push(error); });
    return receiving;
  }

  /** A python3 program that has a connected socket `s`; see `sender`. */
  start(body: string, options: StartOptions = {}, through: readonly string[] = []): PeerProcess {
    const [program, ...args] = [...through, '/usr/bin/python3', ...sender(this.path, this.kind === 'datagram' ? 'SOCK_DGRAM' : 'SOCK_SEQPACKET', body)];
    const started = new PeerProcess(program!, args, options);
    this.#processes.push(started);
    return started;
  }

  /** Sets how many descriptors this process may have: told a number, or `restore`, as we could not start anybody to undo it. */
  limiter(): PeerProcess {
    const body = `import resource, sys
soft, hard = resource.prlimit(${String(process.pid)}, resource.RLIMIT_NOFILE)
for line in sys.stdin:
    resource.prlimit(${String(process.pid)}, resource.RLIMIT_NOFILE, (soft if line == 'restore\\n' else int(line), hard))
    print("ok", flush=True)`;
    const started = new PeerProcess('/usr/bin/python3', ['-u', '-c', body]);
    this.#processes.push(started);
    return started;
  }

  /** A sender that runs to its end: what it printed. */
  run(body: string, options: StartOptions = {}): string {
    const { uid } = options;
    const { status, stdout, stderr } = spawnSync('/usr/bin/python3', sender(this.path, this.kind === 'datagram' ? 'SOCK_DGRAM' : 'SOCK_SEQPACKET', body), {
      encoding: 'utf8', ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    assert.equal(status, 0, stderr);
    return stdout;
  }

  get texts(): readonly string[] {
    return this.messages.map(({ bytes }) => Buffer.from(bytes).toString());
  }

  /** Why messages were refused: cause, or code where there is one. */
  get reasons(): readonly string[] {
    return this.refused.map(({ decision }) => decision.code ?? decision.cause);
  }

  /** Resolves once so many messages were handed on and refused in all. */
  async settled(count: number): Promise<void> {
    while (this.messages.length + this.refused.length < count) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async close(): Promise<void> {
    await this.receiver.close();
    await Promise.all(this.#processes.map((started) => started.kill()));
    spawnSync('/bin/rm', ['-rf', '--', this.folder]);
  }

  #changed(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
