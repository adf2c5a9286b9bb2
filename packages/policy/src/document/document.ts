import { readFileSync, statSync } from 'node:fs';
import { FindingList, type PolicyFinding, type Span } from '../findings/finding.js';
import { quote } from '../findings/escape.js';
import { SourceText } from '../findings/source-text.js';
import { decodeSource } from './encoding.js';
import { DEFAULT_LIMITS, type DocumentLimits } from './limits.js';
import { toPlain, type DocNode, type PlainValue } from './node.js';
import { readErrorOf } from './read-error.js';
import { parseYaml } from './parse-yaml.js';
import type { Remark } from './remark.js';

/** A document as it was read. `root` is undefined when it could not be read at all. */
export interface YamlDocument {
  readonly file: string;
  readonly source: SourceText;
  readonly root: DocNode | undefined;
  /** Plain data; maps have no prototype. Undefined with `root`. */
  readonly value: PlainValue | undefined;
  readonly findings: readonly PolicyFinding[];
  /** Comments that speak to this program. */
  readonly remarks: readonly Remark[];
}

/**
 * Reads YAML from an adversary: bounded in size, depth, aliases, time and memory; one document, YAML 1.2, no tags, no
 * merge keys, no duplicate keys. Never throws for its input: every problem is a finding with a place (T22).
 * @param input the text, or the bytes as read, which must be UTF-8
 * @param file as findings shall name it
 */
export function readDocument(input: string | Uint8Array, file: string, limits: Partial<DocumentLimits> = {}): YamlDocument {
  const all = { ...DEFAULT_LIMITS, ...limits };
  const findings = new FindingList();
  const source = decodeSource(input, file, all.maxBytes, findings);
  const parsed = !findings.isSound() ? undefined : parseYaml(source, all, findings);
  const sound = !findings.isSound() ? undefined : parsed?.root;
  return Object.freeze({
    file,
    source,
    root: sound,
    value: sound === undefined ? undefined : toPlain(sound),
    findings: findings.toArray(),
    remarks: Object.freeze(parsed?.remarks ?? []),
  });
}

/** `readDocument` of a file. A file that cannot be read, or is no regular file, is a finding. */
export function readDocumentFile(path: string, limits: Partial<DocumentLimits> = {}, shownAs = path): YamlDocument {
  const { maxBytes } = { ...DEFAULT_LIMITS, ...limits };
  const unread = (code: 'YAML_READ' | 'YAML_TOO_LARGE', message: string): YamlDocument => {
    const findings = new FindingList();
    const source = new SourceText(shownAs, '');
    findings.report(code, source, { offset: 0, length: 1 }, message);
    return Object.freeze({ file: shownAs, source, root: undefined, value: undefined, findings: findings.toArray(), remarks: Object.freeze([]) });
  };
  try {
    // A FIFO would block, a device would never end.
    const stat = statSync(path);
    if (!stat.isFile()) return unread('YAML_READ', `${quote(shownAs)} is not a regular file`);
    if (stat.size > maxBytes) return unread('YAML_TOO_LARGE', `the file has ${String(stat.size)} bytes, the limit is ${String(maxBytes)}`);
    return readDocument(readFileSync(path), shownAs, limits);
  } catch (error) {
    return unread('YAML_READ', `cannot read ${quote(shownAs)}: ${readErrorOf(error)}`);
  }
}

/** The span of a path of keys and indices: of the value, or of the key itself. Falls back to the nearest parent. */
export function spanAt(root: DocNode, path: readonly string[], part: 'key' | 'value' = 'value'): Span {
  let node = root;
  let span: Span = root;
  for (const [position, step] of path.entries()) {
    const last = position === path.length - 1;
    if (node.kind === 'map') {
      const entry = node.entries.get(step);
      if (entry === undefined) return span;
      span = last && part === 'key' ? entry : entry.value;
      node = entry.value;
    } else if (node.kind === 'list') {
      const item = node.items[Number(step)];
      if (item === undefined) return span;
      span = node = item;
    } else return span;
  }
  return span;
}
