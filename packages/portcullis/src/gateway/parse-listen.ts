import { LISTEN_EXCEPTIONS, type ListenException } from '@portcullis/core';
import { didYouMean, octalProblem, type DocNode } from '@portcullis/policy';
import { Fields, type Findings } from './fields.js';
import type { ListenSpec } from './gateway-spec.js';
import { parseMode } from './parse-mode.js';
import { parseLoopback } from './parse-tcp.js';

/** Reads `listen:` of a listener: a path or a loopback port that is made here, or a socket that was handed over. */
export function parseListen(node: DocNode, findings: Findings): ListenSpec | undefined {
  const fields = Fields.of(node, '`listen`', findings);
  if (fields === undefined) return undefined;
  const kinds = ['path', 'tcp', 'systemd', 'fd'].filter((word) => fields.has(word));
  if (kinds.length !== 1) return findings.report(kinds.length === 0 ? 'SCHEMA_MISSING' : 'SCHEMA_VALUE', fields.span, '`listen` needs one of `path`, `tcp`, `systemd` and `fd`');
  const spec = kinds[0] === 'path' ? pathSpec(fields, findings) : kinds[0] === 'tcp' ? tcpSpec(fields, findings) : handedSpec(fields, findings);
  fields.end();
  return spec;
}

function pathSpec(fields: Fields, findings: Findings): ListenSpec | undefined {
  const node = fields.node('path');
  const path = fields.text('path', node);
  const mode = modeOf(fields.node('mode'), findings);
  const group = groupOf(fields.node('group'), findings);
  const exceptions = fields.items('exceptions')?.map((item) => exceptionOf(item, findings)).filter((one) => one !== undefined);
  if (path === undefined || node === undefined) return undefined;
  if (!path.startsWith('/')) return findings.report('SCHEMA_VALUE', node, '`path` must be an absolute path');
  return { path, ...(mode !== undefined && { mode }), ...(group !== undefined && { group }), ...(exceptions && { exceptions }) };
}

function tcpSpec(fields: Fields, findings: Findings): ListenSpec | undefined {
  const node = fields.node('tcp');
  const text = fields.text('tcp', node);
  if (text === undefined || node === undefined) return undefined;
  const spec = parseLoopback(text);
  return typeof spec === 'string' ? findings.report('SCHEMA_VALUE', node, `\`tcp\` ${spec}`) : spec;
}

function handedSpec(fields: Fields, findings: Findings): ListenSpec | undefined {
  const systemd = fields.text('systemd');
  if (systemd !== undefined) return { systemd };
  const node = fields.node('fd');
  if (node === undefined) return undefined;
  if (node.kind === 'scalar' && typeof node.value === 'number' && Number.isSafeInteger(node.value) && node.value >= 0) return { fd: node.value };
  return findings.report('SCHEMA_TYPE', node, '`fd` must be the number of a descriptor');
}

/** As it is written: YAML 1.2 reads 0660 as six hundred and sixty. */
function modeOf(node: DocNode | undefined, findings: Findings): number | undefined {
  if (node === undefined) return undefined;
  const written = findings.source.text.slice(node.offset, node.offset + node.length).trim();
  const mode = parseMode(written.replace(/^(["'])(.*)\1$/, '$2').replace(/^0o/, '0'));
  return mode ?? findings.report('SCHEMA_VALUE', node, '`mode` must be octal permission bits: three digits, such as 660, or four with a leading zero, such as 0660');
}

function groupOf(node: DocNode | undefined, findings: Findings): string | undefined {
  if (node === undefined) return undefined;
  const value = node.kind === 'scalar' ? node.value : undefined;
  const octal = octalProblem(findings.source, node);
  if (octal !== undefined) return findings.report('YAML_NUMBER', node, octal);
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return String(value);
  return findings.report('SCHEMA_TYPE', node, '`group` must be the name or the id of a group');
}

function exceptionOf(node: DocNode, findings: Findings): ListenException | undefined {
  const text = node.kind === 'scalar' ? String(node.value) : '';
  const found = LISTEN_EXCEPTIONS.find((one) => one === text);
  return found ?? findings.report('SCHEMA_VALUE', node, `an exception is one of ${LISTEN_EXCEPTIONS.map((one) => `\`${one}\``).join(', ')}`, didYouMean(text, LISTEN_EXCEPTIONS));
}
