import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { readErrorOf } from '../document/read-error.js';
import type { YamlDocument } from '../document/document.js';
import { quote } from '../findings/escape.js';
import type { FindingList } from '../findings/finding.js';
import { SourceText } from '../findings/source-text.js';
import { decodeDocuments, isCompiled, OtherVersion } from './compiled-file.js';
import { Malformed } from './byte-reader.js';

/** A compiled policy is larger than its YAML, by its tree. */
const SIZE_FACTOR = 4;
const FIRST_BYTES = 64;

/** Whether the file is a compiled policy, by how it begins. What cannot be read is left to whoever reads YAML. */
export function isCompiledFile(path: string): boolean {
  try {
    return withFile(path, (fd) => {
      const first = Buffer.alloc(FIRST_BYTES);
      return fstatSync(fd).isFile() && isCompiled(first.subarray(0, readSync(fd, first)));
    });
  } catch {
    return false;
  }
}

function withFile<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // a FIFO would wait for its writer
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** The documents of a compiled policy; none where there is something wrong with it, which is a finding. */
export function readCompiledFile(path: string, maxBytes: number, findings: FindingList): readonly YamlDocument[] {
  const source = new SourceText(path, '');
  const start = { offset: 0, length: 1 };
  try {
    return withFile(path, (fd) => {
      const { size } = fstatSync(fd); // of the file that is read, and before: a sparse one costs nobody anything
      if (size <= maxBytes * SIZE_FACTOR) return decodeDocuments(readFileSync(fd));
      findings.report('YAML_TOO_LARGE', source, start, `the compiled policy has ${String(size)} bytes, the limit is ${String(maxBytes * SIZE_FACTOR)}`);
      return [];
    });
  } catch (error) {
    if (error instanceof OtherVersion) findings.report('COMPILED_VERSION', source, start, `${quote(path)} was compiled by another version: ${error.message}`);
    else if (error instanceof Malformed) findings.report('COMPILED_DAMAGED', source, start, `${quote(path)} is no sound compiled policy: ${error.message}`);
    else findings.report('YAML_READ', source, start, `cannot read ${quote(path)}: ${readErrorOf(error)}`);
    return [];
  }
}
