import { PortcullisError } from '@portcullis/core';
import { formatFindings, readDocumentFile, textOf } from '@portcullis/policy';
import { plural } from '../plural.js';
import { platformCatalogue } from '../compose/platform.js';
import type { GatewaySpec } from './gateway-spec.js';
import { loadPlugins } from '../plugins/load-plugin.js';
import { pluginsOf } from './parse-plugins.js';
import { parseGateway } from './parse-gateway.js';

/** Reads and checks a gateway file; the policies that it names are read when the gateway starts. @throws PortcullisError `GATEWAY_INVALID`, `PLUGIN_*`, `CATALOGUE_CONFLICT` */
export async function readGatewayFile(path: string): Promise<GatewaySpec> {
  const document = readDocumentFile(path);
  if (textOf(document.root, 'kind') === 'AdmissionPolicy') {
    throw new PortcullisError('GATEWAY_INVALID', `\`${path}\` is a policy: use \`--policy\`, with \`--listen\` and \`--upstream\``, { facts: { file: path } });
  }
  if (textOf(document.root, 'kind') === 'PolicyTest') {
    throw new PortcullisError('GATEWAY_INVALID', `\`${path}\` is a test: run it with \`portcullis test\`, or name it as one of the \`tests\` of a listener`, { facts: { file: path } });
  }
  const plugins = await loadPlugins(pluginsOf(document));
  const { spec, findings } = parseGateway(document, await platformCatalogue(undefined, plugins));
  if (spec !== undefined) return { ...spec, ...(plugins.length > 0 && { plugins }) };
  const errors = findings.filter(({ severity }) => severity === 'error');
  throw new PortcullisError('GATEWAY_INVALID', `the gateway file has ${plural(errors.length, 'error')}:\n${formatFindings(errors, new Map([[path, document.source]]))}`, {
    facts: { file: path, errors: errors.length, finding: errors[0]?.code },
  });
}
