import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { attestorHost, type Evidence, type Evidenced, type Finding, type Findings, type SelectorKey } from '@portcullis/core';
import { ContainerAttestor, type ContainerOptions } from '@portcullis/attestor-container';
import { linuxConnectPort, LinuxPeerSource } from '@portcullis/attestor-linux';

export const ID = '3f0c'.repeat(16);
export const IMAGE_ID = `sha256:${'7fc8'.repeat(16)}`;
export const DIGEST = `sha256:${'51aa'.repeat(16)}`;

/** As docker 28 and podman 4.3 answer, cut to what is read. `pid`: this process stands for the container's first one. */
export function container(more: { readonly Id?: unknown; readonly Name?: unknown; readonly Image?: unknown; readonly State?: unknown; readonly Config?: unknown } = {}): string {
  return JSON.stringify({
    Id: ID, Name: '/web', Image: IMAGE_ID, State: { Status: 'running', Running: true, Pid: process.pid },
    Config: { Image: 'demo:1', Env: ['TOKEN=s3cr3t', 'PATH=/bin'], Labels: { tier: 'front', 'a/b': 'x=y' } }, ...more,
  });
}

export function json(body: string, status = 200): string {
  return `HTTP/1.1 ${String(status)} X\r\nContent-Type: application/json\r\nContent-Length: ${String(Buffer.byteLength(body))}\r\nConnection: close\r\n\r\n${body}`;
}

/** A server that writes what a test wants over a real Unix socket: it plays a daemon that lies, which no real one will. */
export class Daemon {
  readonly folder = mkdtempSync('/tmp/portcullis-daemon-');
  readonly path = join(this.folder, 'd.sock');
  /** The first line of each request. */
  readonly requests: string[] = [];
  open = 0;
  answer: (socket: Socket, request: string) => void;
  #server: Server | undefined;

  constructor(answer: string | ((socket: Socket, request: string) => void)) {
    this.answer = typeof answer === 'string' ? (socket) => { socket.end(answer); } : answer;
    chmodSync(this.folder, 0o755);
  }

  async start(): Promise<this> {
    const server = (this.#server = createServer((socket) => {
      this.open += 1;
      socket.on('error', () => undefined).once('close', () => { this.open -= 1; });
      socket.once('data', (bytes) => {
        const [line = ''] = bytes.toString().split('\r\n');
        this.requests.push(line);
        this.answer(socket, line);
      });
      socket.resume();
    }));
    await new Promise<void>((resolve) => { server.listen(this.path, resolve); });
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server?.listening === true) await new Promise((resolve) => server.close(resolve));
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function hostOf() {
  return attestorHost({ peerSource: new LinuxPeerSource({ self: 'allow' }), connectPort: linuxConnectPort() });
}

/** An attestor of this user's daemon. */
export function attestorOf(options: ContainerOptions): ContainerAttestor {
  return new ContainerAttestor({ uid: process.getuid?.() ?? 0, ...options }, hostOf());
}

export function given(id: string | undefined = ID): Evidence {
  const entry: Evidenced = { state: 'present', values: [id], tier: 'derived' };
  return new Map<SelectorKey, Evidenced>([['container:id', entry]]);
}

export interface Ask {
  readonly keys?: readonly SelectorKey[];
  readonly signal?: AbortSignal;
  readonly id?: string;
}

export function ask(attestor: ContainerAttestor, { keys = ['container:label'], signal = new AbortController().signal, id = ID }: Ask = {}): Findings | Promise<Findings> {
  return attestor.attest(undefined as never, new Set(keys), signal, given(id));
}

/** One key's finding. */
export async function finding(attestor: ContainerAttestor, what: Ask & { readonly key?: SelectorKey } = {}): Promise<Finding> {
  const { key = 'container:label' } = what;
  const found = (await ask(attestor, { ...what, keys: [key] })).get(key);
  if (found === undefined) throw new Error(`no finding for ${key}`);
  return found;
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}
