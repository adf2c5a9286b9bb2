import { createServer, type Socket } from 'node:net';
import { escapeJson, isSelectorKey, PortcullisError, type BoundSocket, type SelectorKey } from '@portcullis/core';
import { InvalidArgumentError, type Command } from 'commander';
import { resolveParts, type Parts } from '../../compose/parts.js';
import { loadPlatform } from '../../compose/platform.js';
import { formatInspection } from '../../inspect/format-inspection.js';
import { inspectPeer } from '../../inspect/inspect-peer.js';
import type { Inspection } from '../../inspect/inspection.js';
import { peerOfPid, peerOfSocket } from '../../inspect/open-peer.js';
import { connectToSelf } from '../../inspect/self.js';
import { colorsFor } from '../colors.js';
import { EXIT, print, say, UsageError } from '../exit.js';
import { examples } from '../help.js';
import { onInterrupt } from '../interrupt.js';
import { addPluginOptions, chosenPlugins, type PluginChoice } from '../plugin-options.js';
import { modeOf } from '../serve-options.js';

interface InspectOptions extends PluginChoice {
  readonly pid?: number;
  readonly self?: true;
  readonly listen?: string;
  readonly mode?: string;
  readonly key?: readonly string[];
  readonly json?: true;
}

/** `portcullis inspect`: what a process looks like to a policy. */
export function addInspect(program: Command, done: (code: number) => void): void {
  addPluginOptions(program.command('inspect')
    .summary('show what a process looks like to a policy')
    .description('Shows every key that this host can establish of one process: present, absent, or unknown and why, with trust tiers. Sensitive values are masked.')
    .option('--pid <pid>', 'a running process; what is frozen at connect is unknown, as there is no connection', pidOf)
    .option('--self', 'this command itself, through a connection to itself')
    .option('--listen <path>', 'make a socket, wait for one connection, show who came')
    .option('--mode <octal>', 'permission bits of that socket (default: 0600)')
    .option('--key <key...>', 'also ask for these: arguments and environment are read only when named')
    .option('--json', 'for machines'))
    .addHelpText('after', examples(
      ['a daemon that runs', 'portcullis inspect --pid "$(pidof -s sshd)"'],
      ['exactly what a gate would see: connect to it with the real client', 'portcullis inspect --listen /run/user/1000/who.sock'],
      ['which keys cannot be known here', "portcullis inspect --self --json | jq -r '.keys[] | select(.state == \"unknown\") | .key'"],
    ))
    .action(async (options: InspectOptions) => { done(await inspect(options)); });
}

async function inspect(options: InspectOptions): Promise<number> {
  const given = [options.pid, options.self, options.listen].filter((one) => one !== undefined).length;
  if (given !== 1) throw new UsageError('give one of `--pid`, `--self` and `--listen`; `portcullis inspect --help` has examples');
  const parts = resolveParts(await loadPlatform(), { self: 'allow' }, await chosenPlugins(options));
  const named = (options.key ?? []).map((key) => keyOf(key, parts));
  const inspection = await look(options, parts, named);
  print(options.json === true ? escapeJson(JSON.stringify(inspection)) : formatInspection(inspection, colorsFor(process.stdout)));
  return inspection.lost === undefined ? EXIT.ok : EXIT.failed;
}

async function look({ pid, listen, mode }: InspectOptions, parts: Parts, named: readonly SelectorKey[]): Promise<Inspection> {
  if (pid !== undefined) return inspectPeer(await peerOfPid(pid), parts, { connection: false, named });
  if (listen !== undefined) return lookAtCaller(listen, mode, parts, named);
  const self = await connectToSelf();
  try {
    return await inspectPeer(peerOfSocket(parts.peerSource, self.accepted), parts, { connection: true, named });
  } finally {
    self.close();
  }
}

/** Waits for one connection, from whomever. Nothing that it sends is read. */
async function lookAtCaller(path: string, mode: string | undefined, parts: Parts, named: readonly SelectorKey[]): Promise<Inspection> {
  if (parts.listenPort === undefined) throw new PortcullisError('PLATFORM_UNSUPPORTED', 'this platform cannot make a socket safely');
  const bits = mode === undefined ? undefined : modeOf(mode);
  let bound: BoundSocket | undefined;
  const takeBack = onInterrupt(() => { bound?.release(); });
  const server = createServer({ pauseOnConnect: true });
  try {
    const { fd, path: made } = (bound = parts.listenPort.bind({ path, ...(bits !== undefined && { mode: bits }) }));
    const arrival = new Promise<Socket>((resolve, reject) => { server.once('error', reject).once('connection', resolve); });
    server.listen({ fd }, () => { say(`waiting for a connection on ${made}`); });
    const socket = await arrival;
    try {
      return await inspectPeer(peerOfSocket(parts.peerSource, socket), parts, { connection: true, named });
    } finally {
      socket.destroy();
    }
  } finally {
    bound?.release();
    server.close();
    takeBack();
  }
}

/** A process id, as an option has it. */
export function pidOf(text: string): number {
  if (/^[1-9][0-9]{0,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A process id is a whole number above 0.');
}

function keyOf(text: string, { catalogue }: Parts): SelectorKey {
  if (isSelectorKey(text) && catalogue.find(text) !== undefined) return text;
  throw new UsageError(`no attestor has a key \`${text.slice(0, 100)}\``);
}
