import { spawn, spawnSync, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { DecisionRecord } from '@portcullis/core';
import type { Command } from './command.js';
import { NotHere, reasonOf } from './not-here.js';
import type { Recorder } from './recorder.js';
import type { Plan } from './scenario.js';

export interface Visit {
  readonly pid: number;
  /** Undefined: the gate never saw it. */
  readonly record: DecisionRecord | undefined;
  /** What the peer was told, and what it complained of: at most a few KiB of each. */
  readonly output: string;
}

/** How a C peer says that it cannot do its trick here: demo/visit.h. */
const CANNOT = 77;
const VISIT_MS = 20_000;
/** A record follows its decision in the same turn or, with late answers, soon. */
const RECORD_MS = 3_000;
const MOST_OUTPUT = 4096;

const running = new Set<AbortController>();

/** Ends the peers that are on their way, and waits for no more decisions. */
export function endVisits(): void {
  for (const visiting of running) visiting.abort();
}

/** Starts a peer, lets it connect and waits for the decision and for its end. @throws NotHere where it cannot be started */
export async function visit(plan: Plan, recorder: Recorder): Promise<Visit> {
  const visiting = new AbortController();
  running.add(visiting);
  try {
    return await (plan.gone === true ? visitAndGo : visitAndStay)(plan, recorder, visiting.signal);
  } finally {
    visiting.abort();
    running.delete(visiting);
  }
}

async function visitAndStay({ command, uid, before }: Plan, recorder: Recorder, over: AbortSignal): Promise<Visit> {
  const child = spawn(command.path, command.args, { ...optionsOf(command, uid), stdio: 'pipe', timeout: VISIT_MS, killSignal: 'SIGKILL' });
  over.addEventListener('abort', () => { child.kill('SIGKILL'); });
  await once(child, 'spawn').catch((error: unknown) => { throw new NotHere(`it could not be started: ${reasonOf(error)}`); });
  const pid = child.pid ?? 0;
  const output = capture(child.stdout);
  const complaint = capture(child.stderr);
  const exited = once(child, 'close');
  before?.(pid);
  const record = recorder.of(pid, exited.then(() => (child.exitCode === CANNOT ? undefined : recordTime(over))));
  child.stdin.on('error', () => undefined); // it may be gone already
  child.stdin.end(command.input);
  await exited;
  if (child.exitCode === CANNOT) throw new NotHere(complaint.text.trim());
  return { pid, record: await record, output: output.text };
}

/** While it comes and goes this thread waits for it, the gate included: it is gone when the gate looks. */
async function visitAndGo({ command, uid }: Plan, recorder: Recorder, over: AbortSignal): Promise<Visit> {
  const { pid, error, stdout } = spawnSync(command.path, command.args, {
    ...optionsOf(command, uid), input: command.input, timeout: VISIT_MS, maxBuffer: 1 << 20, encoding: 'utf8',
  });
  if (error !== undefined) throw new NotHere(`it could not be started: ${reasonOf(error)}`);
  return { pid, record: await recorder.of(pid, recordTime(over)), output: stdout.slice(0, MOST_OUTPUT) };
}

/** Rejects when it is over. */
function recordTime(over: AbortSignal): Promise<void> {
  return delay(RECORD_MS, undefined, { ref: false, signal: over });
}

function optionsOf({ env }: Command, uid: number): Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> {
  const other = uid === process.geteuid?.() ? {} : { uid, gid: uid };
  return { cwd: '/', env: { ...env }, ...other };
}

function capture(stream: NodeJS.ReadableStream): { readonly text: string } {
  const captured = { text: '' };
  stream.setEncoding('utf8');
  stream.on('data', (part: string) => { if (captured.text.length < MOST_OUTPUT) captured.text += part.slice(0, MOST_OUTPUT); });
  return captured;
}
