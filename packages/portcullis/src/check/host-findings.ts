import { makeFinding, SourceText, type FindingCode, type PolicyFinding, type Rule, type Sources, type Span } from '@portcullis/policy';
import { realPathOf } from '../real-path.js';

/** What is found of a host is all of these. */
export type HostCode = Extract<FindingCode, `HOST_${string}`>;

/** Gathers what is found of a policy on a host, with places in the policy. */
export class HostFindings {
  readonly findings: PolicyFinding[] = [];
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** @param at the condition that it is about; the rule's id without it */
  ofRule(code: HostCode, rule: Rule, message: string, at: { readonly source: SourceText; readonly span: Span } = rule): void {
    this.findings.push(makeFinding(code, at.source, at.span, message));
  }

  /** @param file the real path of a file that was read, or a folder of one */
  ofFile(code: HostCode, file: string, message: string): void {
    const source = [...this.#sources.values()].find((one) => realPathOf(one.file) === file);
    this.findings.push(makeFinding(code, source ?? new SourceText(file, ''), { offset: 0, length: 1 }, message));
  }
}
