import type { Duplex } from 'node:stream';
import type { AttestorHost } from '@portcullis/core';
import { Bus, type Answer } from './bus/bus.js';
import { BusFailure } from './bus/failure.js';
import type { Unit } from './unit.js';

const NAME = 'org.freedesktop.systemd1';
const MANAGER_PATH = '/org/freedesktop/systemd1';
const UNIT_PATH = /^\/org\/freedesktop\/systemd1\/unit\/[A-Za-z0-9_]{1,1024}$/;
const NO_UNIT: ReadonlySet<string> = new Set([`${NAME}.NoUnitForPID`, `${NAME}.NoSuchUnit`]);
/** The interfaces of units that have processes, by the end of their names. */
const INTERFACES: Readonly<Record<string, string>> = { service: 'Service', scope: 'Scope', slice: 'Slice', socket: 'Socket', mount: 'Mount', swap: 'Swap' };

export interface ManagerOptions {
  readonly busPath: string;
  /** Whose the bus and the manager must be. */
  readonly uid: number;
  readonly timeoutMs: number;
}

/** The service manager behind a message bus. One connection, made when it is needed and again when it was lost. */
export class Manager {
  readonly #host: AttestorHost;
  readonly #options: ManagerOptions;
  #bus: Promise<Bus> | undefined;
  /** Of the newest connection, which may still be waiting for its first answer. */
  #socket: Duplex | undefined;
  #closed = false;

  constructor(host: AttestorHost, options: ManagerOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** The unit that the manager has for a pid now, or undefined where it has none. @throws BusFailure */
  async unitOf(pid: number): Promise<Unit | undefined> {
    const bus = await this.#open();
    const owner = await this.#owner(bus);
    const found = await bus.call({ destination: owner, path: MANAGER_PATH, interface: `${NAME}.Manager`, member: 'GetUnitByPID', args: [pid] }, 'o');
    if ('error' in found && NO_UNIT.has(found.error)) return undefined;
    const path = textOf(found);
    if (!UNIT_PATH.test(path)) throw new BusFailure('the manager names a unit by no path of units', 'undecodable');
    const get = (iface: string, property: string): Promise<Answer> => (
      bus.call({ destination: owner, path, interface: 'org.freedesktop.DBus.Properties', member: 'Get', args: [`${NAME}.${iface}`, property] }, 'v')
    );
    const [id, fragment, invocation] = await Promise.all([get('Unit', 'Id'), get('Unit', 'FragmentPath'), get('Unit', 'InvocationID')]);
    const name = textOf(id);
    const iface = INTERFACES[name.slice(name.lastIndexOf('.') + 1)];
    if (iface === undefined) throw new BusFailure('the manager names a unit that has no processes', 'undecodable');
    return { id: name, cgroup: textOf(await get(iface, 'ControlGroup')), fragmentPath: textOf(fragment), invocationId: bytesOf(invocation).toString('hex') };
  }

  /** The connection is in doubt: an answer is overdue. The next question gets another. */
  renew(failure: BusFailure): void {
    const bus = this.#bus;
    this.#bus = undefined;
    bus?.then((open) => { open.end(failure); }, () => undefined);
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  close(): void {
    this.#closed = true;
    this.renew(new BusFailure('the gate closes'));
  }

  /** Who has the manager's name, if that is root: a name can be had by whoever the bus's configuration lets. */
  async #owner(bus: Bus): Promise<string> {
    const owner = textOf(await bus.askBus('GetNameOwner', [NAME], 's'));
    if (!owner.startsWith(':')) throw new BusFailure('the bus names no connection as the manager', 'undecodable');
    const uid = await bus.askBus('GetConnectionUnixUser', [owner], 'u');
    if ('error' in uid || uid.value !== this.#options.uid) throw new BusFailure(`\`${NAME}\` is not owned by uid ${String(this.#options.uid)}`, 'permission');
    return owner; // and nobody else is ever called so: unique names are not used again
  }

  #open(): Promise<Bus> {
    if (this.#closed) throw new BusFailure('the gate is closed');
    const made = (this.#bus ??= this.#connect());
    return made.then((bus) => {
      if (bus.isOpen) return bus;
      if (this.#bus === made) this.#bus = undefined;
      return this.#open();
    }, (error: unknown) => {
      if (this.#bus === made) this.#bus = undefined;
      throw error;
    });
  }

  async #connect(): Promise<Bus> {
    const { busPath, uid, timeoutMs } = this.#options;
    let socket;
    try {
      socket = await this.#host.connect(busPath, uid, timeoutMs); // I1: whose bus it is, before the first byte
    } catch (cause) {
      throw new BusFailure(cause instanceof Error ? cause.message : 'the bus cannot be reached');
    }
    this.#socket = socket;
    if (this.#closed) socket.destroy();
    socket.unref(); // a kept connection keeps no process alive
    return Bus.open(socket, process.geteuid?.() ?? 0);
  }
}

function textOf(answer: Answer): string {
  if ('error' in answer) throw new BusFailure(`the answer is \`${answer.error.slice(0, 200)}\``);
  if (typeof answer.value !== 'string' || answer.value.length > 4096) throw new BusFailure('the answer is no text', 'undecodable');
  return answer.value;
}

function bytesOf(answer: Answer): Buffer {
  if ('error' in answer) throw new BusFailure(`the answer is \`${answer.error.slice(0, 200)}\``);
  if (!Buffer.isBuffer(answer.value) || ![0, 16].includes(answer.value.length)) throw new BusFailure('the answer is no id of 16 bytes', 'undecodable');
  return answer.value;
}
