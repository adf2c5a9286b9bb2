import { dirname, resolve } from 'node:path';
import { isSelectorKey, type Catalogue, type Rate, type SelectorKey } from '@portcullis/core';
import { suggestKey, type DocNode, type PolicyFinding, type YamlDocument } from '@portcullis/policy';
import { Fields, Findings } from './fields.js';
import { MOST_POLICY_BYTES, type GatewaySpec, type ListenerSpec, type ListenSpec } from './gateway-spec.js';
import { parseListen } from './parse-listen.js';
import { parsePlugins } from './parse-plugins.js';
import { isOwnUpstream, socketName } from './socket-conflicts.js';
import { parseRate } from './parse-rate.js';
import { parseUpstream, type Upstream } from './upstream.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export interface ParsedGateway {
  /** Undefined if any finding is an error. */
  readonly spec?: GatewaySpec;
  readonly findings: readonly PolicyFinding[];
}

/** Reads a document of `kind: Gateway`. Paths of policies are relative to the file; nothing is opened. */
export function parseGateway(document: YamlDocument, catalogue: Catalogue): ParsedGateway {
  const findings = new Findings(document.source);
  const spec = document.root === undefined ? undefined : new GatewayReader(document.file, catalogue, findings).read(document.root);
  const all = [...document.findings, ...findings.list];
  return spec === undefined || all.some(({ severity }) => severity === 'error') ? { findings: all } : { spec, findings: all };
}

class GatewayReader {
  readonly #file: string;
  readonly #folder: string;
  readonly #catalogue: Catalogue;
  readonly #findings: Findings;
  readonly #names = new Set<string>();
  readonly #sockets = new Set<string>();

  constructor(file: string, catalogue: Catalogue, findings: Findings) {
    this.#file = file;
    this.#folder = dirname(resolve(file));
    this.#catalogue = catalogue;
    this.#findings = findings;
  }

  read(root: DocNode): GatewaySpec | undefined {
    const fields = Fields.of(root, 'the document', this.#findings);
    if (fields === undefined) return undefined;
    this.#head(fields);
    const plugins = fields.node('plugins');
    if (plugins !== undefined) parsePlugins(plugins, this.#file, this.#findings); // loaded already, or not at all
    const drainMs = fields.seconds('drain', 0);
    const maxPolicyBytes = fields.wholeNumber('maxPolicyBytes', MOST_POLICY_BYTES);
    const policyDeadlineMs = fields.seconds('policyDeadline', 0.001);
    const listeners = fields.items('listeners', fields.required('listeners'))?.map((node) => this.#listener(node));
    fields.end();
    const read = listeners?.filter((one) => one !== undefined);
    return read === undefined ? undefined : { listeners: read, closed: true, ...(drainMs !== undefined && { drainMs }), ...(maxPolicyBytes !== undefined && { maxPolicyBytes }), ...(policyDeadlineMs !== undefined && { policyDeadlineMs }) };
  }

  #head(fields: Fields): void {
    fields.required('apiVersion');
    fields.choice('apiVersion', ['portcullis/v1']);
    fields.required('kind');
    fields.choice('kind', ['Gateway']);
    const metadata = fields.node('metadata');
    const words = metadata && Fields.of(metadata, '`metadata`', this.#findings);
    for (const word of ['name', 'owner', 'description']) words?.text(word);
    words?.end();
  }

  #listener(node: DocNode): ListenerSpec | undefined {
    const fields = Fields.of(node, 'a listener', this.#findings);
    if (fields === undefined) return undefined;
    const name = this.#name(fields);
    const listenNode = fields.required('listen');
    const listen = listenNode && parseListen(listenNode, this.#findings);
    const upstream = this.#upstream(fields, listen);
    if (listenNode !== undefined && listen !== undefined) this.#apart(listenNode, listen);
    const policy = fields.text('policy', fields.required('policy'));
    const candidate = fields.text('candidate');
    const observe = fields.boolean('observe');
    const ratePerUid = this.#rate(fields.node('ratePerUid'));
    const collect = fields.items('collect')?.map((item) => this.#key(item)).filter((key) => key !== undefined);
    const tests = fields.items('tests')?.map((item) => fields.text('tests', item)).filter((file) => file !== undefined);
    const lastGood = fields.text('lastGood');
    const deadlineMs = fields.seconds('deadline', 0.001);
    const policyGraceMs = fields.seconds('policyGrace', 0);
    const refusal = fields.choice('refusal', ['close', 'http']);
    const self = fields.choice('self', ['refuse', 'allow']);
    fields.end();
    if (name === undefined || listen === undefined || upstream === undefined || policy === undefined) return undefined;
    if (observe === true) this.#findings.report('GATEWAY_OBSERVES', fields.entry('observe'), `listener \`${name}\` only observes: everyone is admitted`);
    return {
      name, listen, upstream, policy: resolve(this.#folder, policy),
      ...(tests && { tests: tests.map((file) => resolve(this.#folder, file)) }), ...(lastGood !== undefined && { lastGood: resolve(this.#folder, lastGood) }),
      ...(candidate !== undefined && { candidate: resolve(this.#folder, candidate) }), ...(observe === true && { observe }), ...(ratePerUid && { ratePerUid }),
      ...(collect && { collect }), ...(deadlineMs !== undefined && { deadlineMs }), ...(policyGraceMs !== undefined && { policyGraceMs }), ...(refusal && { refusal }), ...(self && { self }),
    };
  }

  #name(fields: Fields): string | undefined {
    const node = fields.required('name');
    const name = fields.text('name', node);
    if (name === undefined || node === undefined) return undefined;
    if (!NAME.test(name)) return this.#findings.report('SCHEMA_VALUE', node, '`name` must be a name of letters, digits, dots, dashes and underscores');
    if (this.#names.has(name)) return this.#findings.report('SCHEMA_VALUE', node, `two listeners are called \`${name}\``);
    this.#names.add(name);
    return name;
  }

  /** Two listeners of one socket: the second could not start, or would take the first one's connections. */
  #apart(node: DocNode, listen: ListenSpec): void {
    if ('host' in listen && listen.port === 0) return; // the kernel finds each a port of its own
    const name = socketName(listen);
    if (this.#sockets.has(name)) this.#findings.report('SCHEMA_VALUE', node.kind === 'map' ? (node.entries.get('path')?.value ?? node) : node, `two listeners listen on one ${name}`);
    this.#sockets.add(name);
  }

  #upstream(fields: Fields, listen: ListenSpec | undefined): Upstream | undefined {
    const node = fields.required('upstream');
    const text = fields.text('upstream', node);
    if (text === undefined || node === undefined) return undefined;
    const upstream = parseUpstream(text);
    if (upstream && listen && isOwnUpstream(listen, upstream)) return this.#findings.report('SCHEMA_VALUE', node, "`upstream` is the listener's own socket: it would pass connections on to itself");
    return upstream ?? this.#findings.report('SCHEMA_VALUE', node, '`upstream` must be `unix:/absolute/path` or `tcp:ADDRESS:PORT`, with an address and no name');
  }

  /** `100/s`, or `{ rate: 100/s, burst: 200 }`. */
  #rate(node: DocNode | undefined): Rate | undefined {
    if (node === undefined) return undefined;
    const fields = node.kind === 'map' ? Fields.of(node, '`ratePerUid`', this.#findings) : undefined;
    const burst = fields?.wholeNumber('burst', 1_000_000);
    const at = fields === undefined ? node : fields.required('rate');
    fields?.end();
    const rate = at?.kind === 'scalar' ? parseRate(String(at.value), burst) : undefined;
    if (rate !== undefined || at === undefined) return rate;
    return this.#findings.report('SCHEMA_VALUE', at, '`ratePerUid` must be a rate such as `100/s`, `20/m` or `5/h`');
  }

  #key(node: DocNode): SelectorKey | undefined {
    const key = node.kind === 'scalar' ? String(node.value) : '';
    if (isSelectorKey(key) && this.#catalogue.find(key) !== undefined) return key;
    return this.#findings.report('POLICY_UNKNOWN_KEY', node, `no attestor of this gate has a key \`${key.slice(0, 60)}\``, suggestKey(key, this.#catalogue));
  }
}
