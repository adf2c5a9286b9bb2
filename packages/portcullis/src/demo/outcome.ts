import type { DecisionRecord } from '@portcullis/core';
import { GREETING, type Service } from './service.js';
import type { Expected, Plan, Scenario } from './scenario.js';
import type { Visit } from './visit.js';

/** A peer that came. */
export interface Came extends Visit {
  readonly scenario: Scenario;
  readonly plan: Plan;
  /** What was not as expected; empty when all was. */
  readonly wrong: readonly string[];
}

/** A peer that could not be shown on this machine. */
export interface Skipped {
  readonly scenario: Scenario;
  readonly why: string;
}

/** Holds what happened against what the demo expected. */
export function judge(scenario: Scenario, plan: Plan, visit: Visit): Came {
  const { record, output } = visit;
  const { expected } = plan;
  if (record === undefined) return { ...visit, scenario, plan, wrong: ['the gate decided nothing'] };
  const wrong: string[] = [];
  const want = (holds: boolean, what: string): void => { if (!holds) wrong.push(what); };
  want(record.decision === expected.decision, `expected ${expected.decision}`);
  want(expected.causes?.includes(record.cause) ?? true, `expected the cause ${String(expected.causes?.join(' or '))}`);
  want(ruleFits(expected, record.rule), `expected the rule ${String(expected.rule)}`);
  want(expected.differs === undefined || record.nearest?.failed.some(({ key }) => key === expected.differs) === true, `expected ${String(expected.differs)} to differ`);
  // One that is gone may get through to a service where everybody does, and hears no answer.
  const served = isServed(expected, record) && plan.gone !== true;
  want(output.includes(GREETING) === served, served ? 'the service did not answer it' : 'the service answered it');
  return { ...visit, scenario, plan, wrong };
}

/** Whether the gate let it through, by a decision or since it only observes. */
export function isAdmitted({ decision, observe }: DecisionRecord): boolean {
  return observe === undefined ? decision === 'allow' : observe === 'admitted';
}

/** Whether the service should have heard of it: with a gate that only observes, of whoever was let through. */
function isServed({ decision }: Expected, record: DecisionRecord | undefined): boolean {
  return record?.observe === undefined ? decision === 'allow' : isAdmitted(record);
}

function ruleFits({ rule }: Expected, seen: string | readonly string[] | undefined): boolean {
  return rule === undefined || [seen].flat().includes(rule);
}

/**
 * What the service saw that it should not have seen, or did not see that it should have (I1).
 * @param others connections that were admitted, and that the demo did not make
 */
export function leaks(service: Service, came: readonly Came[], others: number): readonly string[] {
  const admitted = others + came.filter(({ plan, record }) => isServed(plan.expected, record)).length;
  const wrong = came.flatMap(({ scenario: { name }, plan, record }) => {
    const expected = isServed(plan.expected, record) ? 1 : 0;
    const seen = service.seen(name);
    return seen === expected ? [] : [`the service saw ${String(seen)} requests of \`${name}\`, and should have seen ${String(expected)}`];
  });
  if (service.connections !== admitted) wrong.push(`the service saw ${String(service.connections)} connections, and should have seen ${String(admitted)}`);
  return wrong;
}
