import { setTimeout as sleep } from 'node:timers/promises';
import { formatFindings } from '@portcullis/policy';
import type { Command } from 'commander';
import { allHostWarnings, gatewayFileWarnings } from '../../check/all-host-warnings.js';
import { startGateway, type Gateway } from '../../gateway/gateway.js';
import type { GatewaySpec } from '../../gateway/gateway-spec.js';
import { unknowableFor } from '../../inspect/unknowable.js';
import { formatPretty } from '../../records/format-pretty.js';
import type { OutputTrouble } from '../../records/line-output.js';
import { openStdout } from '../../records/open-output.js';
import { RecordSink } from '../../records/record-sink.js';
import { plural } from '../../plural.js';
import { colorsFor, hasColor } from '../colors.js';
import { EXIT, say } from '../exit.js';
import { examples, oneOf } from '../help.js';
import { MAX_BYTES } from '../parse-bytes.js';
import { addPluginOption } from '../plugin-options.js';
import { specOf, type ServeOptions } from '../serve-options.js';
import { unwritten } from '../unwritten.js';
import { ignoreUserSignals, runUntilStopped } from '../signals.js';
import { tellSlowStart } from '../slow-start.js';

/** `portcullis serve`: a gateway before a service. */
export function addServe(program: Command, done: (code: number) => void): void {
  addPluginOption(program.command('serve')
    .summary('stand before a service: attest, decide, then pass bytes on')
    .description('Listens on a Unix socket, or with less certainty on a loopback port, attests the process behind each connection, asks the policy, and passes admitted connections on to the upstream. One JSON record a connection goes to stdout, messages for people to stderr.')
    .argument('[gateway.yaml]', 'a gateway file (kind: Gateway), in place of the options below')
    .option('-p, --policy <file>', 'the policy')
    .option('--candidate <file>', 'a policy that is asked beside the one in force: what it would have decided otherwise is recorded, and refuses nobody')
    .option('--observe', 'admit everyone, and record what would have been decided. Nobody is refused')
    .option('--rate-per-uid <rate>', 'how fast connections of one user are looked at, such as 100/s; more are refused at once')
    .option('-l, --listen <address>', 'unix:/path.sock, tcp:127.0.0.1:PORT, systemd:NAME or fd:N')
    .option('-u, --upstream <address>', 'unix:/path.sock or tcp:ADDRESS:PORT')
    .option('--listener <name>', 'the name that rules and records know this listener by', 'default')
    .option('--mode <octal>', 'permission bits of the socket (default: 0600)')
    .option('--group <name>', 'group of the socket, by name or id')
    .option('--refusal <style>', 'how a refused peer is told: close or http', oneOf('close', 'http'))
    .option('--drain <seconds>', 'how long live connections may go on after SIGTERM (default: 10)')
    .option(...MAX_BYTES)
    .option('--log <format>', 'json or pretty', oneOf('json', 'pretty'), 'json'))
    .addHelpText('after', examples(
      ['put a policy before docker', 'portcullis serve --policy docker.yaml --listen unix:/run/portcullis/docker.sock --upstream unix:/run/docker.sock --mode 0660 --group docker'],
      ['read the policy again', 'kill -HUP "$(pgrep -xo portcullis)"   # or save the file: changes are followed'],
      ['try a policy on real traffic first', 'portcullis serve --policy docker.yaml --candidate next.yaml --listen unix:/run/p.sock --upstream unix:/run/docker.sock'],
      ['several sockets', 'portcullis serve gateway.yaml'],
      ['who was refused, and what was missing', "portcullis serve gateway.yaml | jq -c 'select(.decision == \"deny\") | {peer, nearest}'"],
    ))
    .action(async (file: string | undefined, options: ServeOptions) => {
      process.title = 'portcullis'; // for pidof and pgrep: the program is node
      ignoreUserSignals();
      done(await serve(await specOf(file, options), file, options.log));
    });
}

/** How long the last records may take to get out. */
const FLUSH_MS = 2_000;

async function serve(spec: GatewaySpec, file: string | undefined, log: string): Promise<number> {
  const colors = colorsFor(process.stdout);
  unwritten.leave();
  const output = openStdout(tellTrouble);
  const sink = log === 'pretty' ? new RecordSink(output, (event) => formatPretty(event, colors)) : new RecordSink(output);
  tellSlowStart(spec);
  const { started, stopped } = runUntilStopped((onPrepared) => startGateway(spec, {
    onPrepared,
    onEvent: (event) => { sink.write(event); },
    onReload: (listener, { outcome, path, findings, sources, error }) => {
      if (outcome === 'rejected') say(`portcullis: ${listener}: \`${path}\` is not put in force, the policy before it stays${error === undefined ? '' : `: ${error}`}`);
      if (findings.length > 0) say(formatFindings(findings, sources, { color: hasColor(process.stderr) }));
    },
  }));
  stopped.catch(() => undefined); // the start's failure is told once, below
  const gateway = await started;
  for (const { gate } of gateway.listeners) {
    if (gate.observes) say(`portcullis: listener ${gate.listener} ONLY OBSERVES: everyone is admitted, nobody is refused; what would have been decided is in the records`);
  }
  for (const warning of [...gateway.warnings, ...hostWarningsOfFile(file), ...(await hostWarningsOf(gateway, spec.plugins))]) say(`warning: ${warning}`);
  const code = await stopped;
  // A reader that stands still must not hold a gateway that was told to end.
  if (code === undefined) await Promise.race([sink.flush(), sleep(FLUSH_MS)]);
  if (sink.lost > 0) say(`portcullis: ${plural(sink.lost, 'record')} could not be written`);
  return code ?? EXIT.ok;
}

/** What the policies meet on this host (I4). */
async function hostWarningsOf({ listeners }: Gateway, plugins: GatewaySpec['plugins']): Promise<readonly string[]> {
  const policies = listeners.map(({ gate: { loaded, listener }, transport }) => ({ loaded, listener, tcpListeners: transport === 'tcp' ? [listener] : [] }));
  const unknowable = await unknowableFor(policies, plugins);
  return policies.flatMap((policy) => allHostWarnings(policy, unknowable).findings.map(({ code, message }) => `${policy.listener}: ${code} ${message}`));
}

function hostWarningsOfFile(file: string | undefined): readonly string[] {
  return file === undefined ? [] : gatewayFileWarnings(file, new Map()).map(({ code, message }) => `${code} ${message}`);
}

function tellTrouble(trouble: OutputTrouble | undefined): void {
  if (trouble === undefined) say('portcullis: records can be written again');
  else say(`portcullis: records cannot be written: ${trouble.error.message}; decisions go on as before, their records are lost${trouble.final ? '' : ' until it works again'}`);
}
