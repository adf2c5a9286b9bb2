import type { AttestorHost, Pid } from '@portcullis/core';
import { Bus, type Answer, type Stream, type WriteBeside } from './bus/bus.js';
import { BusFailure } from './bus/failure.js';
import { DESCRIPTOR } from './bus/marshal.js';
import type { Value } from './bus/unmarshal.js';
import type { Unit } from './unit.js';

const NAME = 'org.freedesktop.systemd1';
const MANAGER_PATH = '/org/freedesktop/systemd1';
const UNIT_PATH = /^\/org\/freedesktop\/systemd1\/unit\/[A-Za-z0-9_]{1,1024}$/;
/** Below systemd 253; a bus, or its configuration, of that time; a manager behind something that takes no descriptors. */
const NO_PIDFD: ReadonlySet<string> = new Set(['UnknownMethod', 'AccessDenied', 'NotSupported'].map((name) => `org.freedesktop.DBus.Error.${name}`));
const NO_UNIT: ReadonlySet<string> = new Set([`${NAME}.NoUnitForPID`, `${NAME}.NoSuchUnit`]);
/** The interfaces of units that have processes, by the end of their names. */
const INTERFACES: Readonly<Record<string, string>> = { service: 'Service', scope: 'Scope', slice: 'Slice', socket: 'Socket', mount: 'Mount', swap: 'Swap' };

/** A pinned process: by its number, and by what writes a message with a descriptor of it beside. */
export interface AskedFor {
  readonly pid: Pid;
  readonly writeBeside: WriteBeside;
}

/** GetUnitByPIDFD says id and invocation with the path: all of one moment. */
interface Found {
  readonly path: string;
  readonly id?: string;
  readonly invocation?: Buffer;
}

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
  #socket: Stream | undefined;
  /** The connection of a manager that knows no pidfds. */
  #byNumberAlone: string | undefined;
  #closed = false;

  constructor(host: AttestorHost, options: ManagerOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** The unit that the manager has for a process now, or undefined where it has none. @throws BusFailure */
  async unitOf(asked: AskedFor): Promise<Unit | undefined> {
    const bus = await this.#open();
    const owner = await this.#owner(bus);
    const found = (await this.#byPidfd(bus, owner, asked)) ?? (await this.#byPid(bus, owner, asked));
    if (found === 'none') return undefined;
    const get = (iface: string, property: string): Promise<Answer> => getProperty(bus, owner, found.path, iface, property);
    const [id, fragment, invocation] = await Promise.all([found.id ?? get('Unit', 'Id').then(textOf), get('Unit', 'FragmentPath'), found.invocation ?? get('Unit', 'InvocationID').then(bytesOf)]);
    const iface = INTERFACES[id.slice(id.lastIndexOf('.') + 1)];
    if (iface === undefined) throw new BusFailure('the manager names a unit that has no processes', 'undecodable');
    return { id, cgroup: textOf(await get(iface, 'ControlGroup')), fragmentPath: textOf(fragment), invocationId: invocation.toString('hex') };
  }

  /** By the process itself, whatever its number is in the manager's pid namespace. Undefined where it has to be asked by pid. */
  async #byPidfd(bus: Bus, owner: string, { writeBeside }: AskedFor): Promise<Found | 'none' | undefined> {
    if (owner === this.#byNumberAlone) return undefined;
    const found = await bus.callWith(writeBeside, { destination: owner, path: MANAGER_PATH, interface: `${NAME}.Manager`, member: 'GetUnitByPIDFD', args: [DESCRIPTOR] }, 'osay');
    if (found === undefined) return undefined;
    if ('error' in found && NO_PIDFD.has(found.error)) {
      this.#byNumberAlone = owner;
      return undefined;
    }
    if ('error' in found && NO_UNIT.has(found.error)) return 'none';
    const [path, id, invocation] = valuesOf(found);
    const bytes = bytesIn(invocation);
    return { path: unitPath(textIn(path)), id: textIn(id), invocation: bytes.some((byte) => byte !== 0) ? bytes : Buffer.alloc(0) };
  }

  async #byPid(bus: Bus, owner: string, { pid }: AskedFor): Promise<Found | 'none'> {
    const found = await bus.call({ destination: owner, path: MANAGER_PATH, interface: `${NAME}.Manager`, member: 'GetUnitByPID', args: [pid] }, 'o');
    return 'error' in found && NO_UNIT.has(found.error) ? 'none' : { path: unitPath(textOf(found)) };
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
    if ('error' in uid || uid.values[0] !== this.#options.uid) throw new BusFailure(`\`${NAME}\` is not owned by uid ${String(this.#options.uid)}`, 'permission');
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

function getProperty(bus: Bus, destination: string, path: string, iface: string, property: string): Promise<Answer> {
  return bus.call({ destination, path, interface: 'org.freedesktop.DBus.Properties', member: 'Get', args: [`${NAME}.${iface}`, property] }, 'v');
}

function unitPath(path: string): string {
  if (!UNIT_PATH.test(path)) throw new BusFailure('the manager names a unit by no path of units', 'undecodable');
  return path;
}

function valuesOf(answer: Answer): readonly Value[] {
  if ('error' in answer) throw new BusFailure(`the answer is \`${answer.error.slice(0, 200)}\``);
  return answer.values;
}

function textOf(answer: Answer): string {
  return textIn(valuesOf(answer)[0]);
}

function bytesOf(answer: Answer): Buffer {
  return bytesIn(valuesOf(answer)[0]);
}

function textIn(value: Value | undefined): string {
  if (typeof value !== 'string' || value.length > 4096) throw new BusFailure('the answer is no text', 'undecodable');
  return value;
}

function bytesIn(value: Value | undefined): Buffer {
  if (!Buffer.isBuffer(value) || ![0, 16].includes(value.length)) throw new BusFailure('the answer is no id of 16 bytes', 'undecodable');
  return value;
}
