import 'reflect-metadata';
import { constants } from 'node:os';
import { formatErrorChain, PortcullisError } from '@portcullis/core';
import { openStdout } from '../records/open-output.js';
import { RecordSink } from '../records/record-sink.js';
import { Cleanup } from './cleanup.js';
import { Demo } from './demo.js';
import { HELP, parseOptions, type DemoOptions } from './options.js';
import { prepareStage } from './prepare.js';
import { Out } from './show/out.js';
import { endVisits } from './visit.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const UNSUPPORTED = `The demo needs Linux, and this is ${process.platform}.

Its peers are Linux's: deleted and memory-backed programs, control groups, forged exe links. The attestor
for macOS has other facts (docs/attestors/darwin.md). To see the demo there, run this in a Linux virtual machine or
container:

  npm ci && npm start
`;

// A reader that went away is not an error of ours.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

/** Resolves with the exit code. */
async function main(options: DemoOptions, cleanup: Cleanup): Promise<number> {
  const out = new Out(options.json ? process.stderr : process.stdout);
  const stop = new AbortController();
  let signalled = 0;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      const code = 128 + constants.signals[signal];
      if (signalled !== 0) process.exit(code); // asked twice: what is left is undone on the way out
      signalled = code;
      stop.abort();
      endVisits();
    });
  }
  const sink = options.json ? new RecordSink(openStdout(() => undefined)) : undefined;
  out.print(`\n${out.colors.bold('Portcullis')}  who is at the other end of this socket, and may they come through?\n`);
  let demo: Demo | undefined;
  try {
    const stage = await prepareStage(options, out, cleanup, stop.signal);
    demo = await Demo.start({ stage, out, stop: stop.signal, record: (event) => sink?.write(event as Parameters<RecordSink['write']>[0]) });
    const wrong = await demo.show();
    if (stop.signal.aborted) return signalled;
    if (!options.once) await demo.stay();
    return wrong.length === 0 ? 0 : 1;
  } catch (error) {
    if (stop.signal.aborted) return signalled;
    throw error;
  } finally {
    await demo?.close();
    await sink?.flush();
  }
}

async function run(): Promise<number> {
  let options: DemoOptions;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`portcullis demo: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (process.platform !== 'linux') {
    process.stderr.write(UNSUPPORTED);
    return 1;
  }
  const cleanup = new Cleanup();
  process.on('exit', () => { endVisits(); cleanup.run(); });
  try {
    return await main(options, cleanup);
  } catch (error) {
    process.stderr.write(`portcullis demo: ${formatErrorChain(error)}\n`);
    if (error instanceof PortcullisError && error.code.startsWith('PLATFORM')) process.stderr.write('  `npx portcullis doctor` says what this machine can attest, and what it cannot.\n');
    return 1;
  } finally {
    cleanup.run();
  }
}

process.exitCode = await run();
// What was let go must not keep the process.
process.stdout.write('', () => process.stderr.write('', () => process.exit()));
