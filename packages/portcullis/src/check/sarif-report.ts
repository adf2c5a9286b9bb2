import { isAbsolute, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FINDING_CODES, type FindingMeaning, type PolicyFinding, type Sources, type SourceText, type SuppressedFinding } from '@portcullis/policy';
import type { CheckedFile } from './check-file.js';

/** Where the artifacts of a report are relative to: the folder in which the command ran. */
const BASE = '%SRCROOT%';

/** A SARIF 2.1.0 log of one run, for code-scanning pages: every code that was found as a rule, allowed warnings as suppressed. */
export function sarifReport(checked: readonly CheckedFile[], { version, folder }: { readonly version: string; readonly folder: string }): object {
  const results = checked.flatMap(({ findings, suppressed, sources }) => [...findings, ...suppressed].map((finding) => ({ finding, sources })));
  const codes = [...new Set(results.map(({ finding }) => finding.code))].sort();
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [{
      tool: { driver: { name: 'portcullis', semanticVersion: version, rules: codes.map((code) => ruleOf(code, results.find(({ finding }) => finding.code === code)?.finding)) } },
      // As our places count: a character beyond the first plane is two columns.
      columnKind: 'utf16CodeUnits',
      originalUriBaseIds: { [BASE]: { description: { text: 'the folder in which the command ran' } } },
      results: results.map(({ finding, sources }) => resultOf(finding, sources, codes, folder)),
    }],
  };
}

function ruleOf(code: string, found: PolicyFinding | undefined): object {
  const meaning: FindingMeaning | undefined = Object.entries(FINDING_CODES).find(([known]) => known === code)?.[1];
  const text = plain(meaning?.meaning ?? `the file is not as it should be`);
  const remedy = meaning?.remedy ?? found?.remedy;
  return {
    id: code,
    name: code.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text },
    fullDescription: { text },
    ...(remedy !== undefined && { help: { text: plain(remedy), markdown: remedy } }),
    defaultConfiguration: { level: meaning?.severity ?? found?.severity ?? 'error' },
  };
}

function resultOf(finding: PolicyFinding | SuppressedFinding, sources: Sources, codes: readonly string[], folder: string): object {
  const { code, severity, message, place, suggestion } = finding;
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: severity,
    message: { text: plain(suggestion === undefined ? message : `${message}; ${suggestion}`) },
    locations: [{ physicalLocation: { artifactLocation: artifactOf(place.file, folder), ...regionOf(finding, sources.get(place.file)) } }],
    ...('reason' in finding && { suppressions: [{ kind: 'inSource', status: 'accepted', justification: finding.reason }] }),
  };
}

function artifactOf(file: string, folder: string): object {
  const path = relative(folder, resolve(folder, file));
  if (path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)) return { uri: pathToFileURL(resolve(folder, file)).href };
  return { uri: path.split(sep).map(encodeURIComponent).join('/'), uriBaseId: BASE };
}

/** What the caret underlines; it ends with its line. Nothing of a file that could not be read. */
function regionOf({ place, length }: PolicyFinding, source: SourceText | undefined): { readonly region?: object } {
  const line = source?.line(place.line);
  if (line === undefined || source?.text === '') return {};
  const endColumn = Math.max(place.column, Math.min(place.column + length, line.length + 1));
  return { region: { startLine: place.line, startColumn: place.column, endLine: place.line, endColumn, snippet: { text: line.slice(place.column - 1, endColumn - 1) } } };
}

/** Message strings of SARIF have links in brackets and placeholders in braces: foreign text must make neither. */
function plain(text: string): string {
  return text.replace(/[\\[\]]/g, '\\$&').replace(/[{}]/g, '$&$&');
}
