import { escapeText, type SourcePlace } from '@portcullis/core';
import { formatFindings, type PolicyFinding } from '@portcullis/policy';
import { failuresOf, type Failure } from './describe-failure.js';
import { countAll, type RanFile } from './test-file.js';

/** What came of test files as JUnit XML: a file a suite; cases, properties and thresholds as its test cases. */
export function junitReport(ran: readonly RanFile[]): string {
  const { passing, failing } = countAll(ran);
  const suites = ran.map(suiteOf);
  return ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites name="portcullis test" tests="${String(passing + failing)}" failures="${String(failing)}">`, ...suites, '</testsuites>', ''].join('\n');
}

interface Entry {
  readonly name: string;
  readonly line: number;
  readonly type: string;
  /** What is wrong, where something is. */
  readonly text?: string;
}

function suiteOf(ran: RanFile): string {
  const entries = entriesOf(ran);
  const failed = entries.filter(({ text }) => text !== undefined).length;
  const file = attribute(ran.file);
  const lines = entries.map(({ name, line, type, text }) => {
    const open = `    <testcase classname=${file} name=${attribute(name)} file=${file} line="${String(line)}"`;
    if (text === undefined) return `${open}/>`;
    const [message = ''] = text.split('\n');
    return `${open}>\n      <failure type="${type}" message=${attribute(message)}>${content(text)}</failure>\n    </testcase>`;
  });
  return [`  <testsuite name=${file} tests="${String(entries.length)}" failures="${String(failed)}">`, ...lines, '  </testsuite>'].join('\n');
}

function entriesOf({ loaded, result }: RanFile): readonly Entry[] {
  const { findings, sources } = loaded;
  if (result === undefined) return [{ name: 'can be run', line: 1, type: 'error', text: formatFindings(findings, sources) }];
  const failures = failuresOf(result, false);
  const entry = (type: string, ok: boolean, failure: Pick<Failure, 'name' | 'place'>): Entry => {
    const details = ok ? undefined : failures.find(({ place }) => place.line === failure.place.line && place.column === failure.place.column);
    return { name: failure.name, line: failure.place.line, type, ...(ok ? {} : { text: details?.lines.join('\n') ?? '' }) };
  };
  return [
    ...result.cases.map(({ ok, test: { name, source, span } }) => entry('case', ok, { name, place: source.placeAt(span.offset) })),
    ...result.properties.map(({ outcome, property: { name, source, span } }) => entry('property', outcome === 'proved', { name, place: source.placeAt(span.offset) })),
    ...result.test.thresholds.map(({ of, source, span }) => threshold(of, source.placeAt(span.offset), result.missed)),
  ];
}

function threshold(of: string, { line, column }: SourcePlace, missed: readonly PolicyFinding[]): Entry {
  const finding = missed.find(({ place }) => place.line === line && place.column === column);
  return { name: `coverage of ${of}`, line, type: 'coverage', ...(finding !== undefined && { text: finding.message }) };
}

/** XML 1.0 has no control characters, not even escaped: they are shown as elsewhere (I11). */
function content(text: string): string {
  return text.split('\n').map((line) => escapeText(line, Infinity)).join('\n').replace(/[&<>"]/g, (character) => `&#${String(character.charCodeAt(0))};`);
}

function attribute(text: string): string {
  return `"${content(text.replaceAll('\n', ' '))}"`;
}
