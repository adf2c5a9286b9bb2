import { formatFindings } from '@portcullis/policy';
import { startGateway, type Gateway } from '../gateway/gateway.js';
import type { GatewayEvent, ListeningEvent } from '../records/gateway-event.js';
import { NotHere } from './not-here.js';
import { isAdmitted, judge, leaks, type Came, type Skipped } from './outcome.js';
import { Recorder } from './recorder.js';
import type { Plan, Scenario, Stage } from './scenario.js';
import { attacks } from './scenarios/attacks.js';
import { principals } from './scenarios/principals.js';
import { programs } from './scenarios/programs.js';
import { Service } from './service.js';
import { showFindings, showIntro } from './show/intro.js';
import { showCommands, showDecision, showEvent } from './show/live.js';
import type { Out } from './show/out.js';
import { outcomeTable } from './show/outcome-table.js';
import { showLegend, showResult, showSkipped } from './show/result.js';
import { Speller } from './show/spell.js';
import { Reasons } from './show/why.js';
import { visit } from './visit.js';

const DRAIN_MS = 3000;
/** Costs more than observe mode collects unasked (docs/rollout.md). */
const TO_LEARN_FROM = ['unix:sha256'] as const;

/** An event of the demo itself, beside the gateway's own. */
export type DemoEvent = Readonly<Record<string, unknown>> & { readonly event: `demo-${string}` };

export interface DemoParts {
  readonly stage: Stage;
  readonly out: Out;
  /** Takes every record, the gateway's and ours: for `--json`. */
  readonly record: (event: GatewayEvent | DemoEvent) => void;
  readonly stop: AbortSignal;
}

/** A gateway before a service, and the peers that come to it. */
export class Demo {
  readonly #parts: DemoParts;
  readonly #service: Service;
  readonly #recorder = new Recorder();
  readonly #reasons: Reasons;
  readonly #came: Came[] = [];
  readonly #skipped: Skipped[] = [];
  #gateway: Gateway | undefined;
  #listening: ListeningEvent | undefined;
  #othersAdmitted = 0;
  #staying = false;

  private constructor(parts: DemoParts, service: Service) {
    this.#parts = parts;
    this.#service = service;
    this.#reasons = new Reasons(parts.out.colors, new Speller(parts.stage.workspace.folder));
    this.#recorder.onOther = (record) => { if (isAdmitted(record)) this.#othersAdmitted += 1; };
  }

  /** The gateway first, then whoever comes. @throws PortcullisError as `startGateway` does */
  static async start(parts: DemoParts): Promise<Demo> {
    const { workspace, people, policy, observe } = parts.stage;
    const demo = new Demo(parts, await Service.start(workspace.service));
    const others = people.stranger !== undefined;
    demo.#gateway = await startGateway({
      listeners: [{
        name: 'demo', listen: { path: workspace.gate, mode: others ? 0o666 : 0o600 }, upstream: { path: workspace.service },
        policy: policy.file, refusal: 'http',
        ...(observe && { observe, collect: TO_LEARN_FROM }),
      }],
      drainMs: DRAIN_MS, closed: true,
    }, {
      onEvent: (event) => { demo.#take(event); },
      onReload: (_, { findings, sources }) => { if (findings.length > 0) showFindings(parts.out, formatFindings(findings, sources), workspace.folder); },
    });
    showIntro(parts.out, parts.stage, demo.#gateway, demo.#listening);
    return demo;
  }

  /** Sends all peers that can be had here, and shows what came of it. Returns what was not as expected. */
  async show(): Promise<readonly string[]> {
    const { stage, out, stop, record } = this.#parts;
    for (const scenario of [...programs(stage), ...attacks(stage), ...principals(stage)]) {
      out.progress(`  ${scenario.peer} …`);
      await this.#send(scenario);
      if (stop.aborted) break;
    }
    out.endProgress();
    if (stop.aborted) return [];
    const wrong = [...this.#came.flatMap((one) => one.wrong.map((what) => `${one.scenario.peer}: ${what}`)), ...leaks(this.#service, this.#came, this.#othersAdmitted)];
    out.print(`${outcomeTable(this.#came, this.#reasons, out.colors, out.width)}\n`);
    showLegend(out);
    showSkipped(out, this.#skipped);
    out.print();
    showResult(out, this.#came, wrong, this.#service);
    record({ event: 'demo-result', ok: wrong.length === 0, wrong, connections: this.#service.connections, requests: Object.fromEntries(this.#service.requests) });
    return wrong;
  }

  /** Stays up for people to try, until it is told to stop. */
  async stay(): Promise<void> {
    const { stage, out, stop } = this.#parts;
    this.#recorder.onOther = (record) => { showDecision(out, record, this.#reasons); };
    this.#staying = true;
    out.print();
    showCommands(out, stage);
    await new Promise<void>((resolve) => {
      if (stop.aborted) resolve();
      else stop.addEventListener('abort', () => { resolve(); }, { once: true });
    });
  }

  async close(): Promise<void> {
    await this.#gateway?.close();
    this.#service.stop();
  }

  async #send(scenario: Scenario): Promise<void> {
    const { record, stage } = this.#parts;
    try {
      const plan = stage.policy.own ? decidedAlike(scenario.plan()) : scenario.plan();
      const came = judge(scenario, plan, await visit(plan, this.#recorder));
      this.#came.push(came);
      record({ event: 'demo-peer', name: scenario.name, peer: scenario.peer, pid: came.pid, uid: plan.uid, decision: came.record?.decision, cause: came.record?.cause, wrong: came.wrong });
    } catch (error) {
      if (!(error instanceof NotHere)) throw error;
      this.#skipped.push({ scenario, why: error.message });
      record({ event: 'demo-skipped', name: scenario.name, peer: scenario.peer, why: error.message });
    }
  }

  #take(event: GatewayEvent): void {
    this.#parts.record(event);
    if (event.event === 'decision') this.#recorder.record(event);
    else if (event.event === 'listening') this.#listening = event;
    else if (this.#staying || event.event === 'failure' || event.event === 'upstream') showEvent(this.#parts.out, event);
  }
}

/** By another policy, for reasons of its own. */
function decidedAlike(plan: Plan): Plan {
  return { ...plan, expected: { decision: plan.expected.decision } };
}
