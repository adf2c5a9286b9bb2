import { dirname, resolve } from 'node:path';
import { child, textOf, toPlain, type DocNode, type PlainValue, type YamlDocument } from '@portcullis/policy';
import { isPackageName, isPath, type PluginOptions, type PluginRequest } from '../plugins/plugin-request.js';
import { Fields, Findings } from './fields.js';

/** The plugins that a gateway file names, before anything else of it can be read: they say which keys there are. */
export function pluginsOf(document: YamlDocument): readonly PluginRequest[] {
  const node = child(document.root, 'plugins');
  return node === undefined || textOf(document.root, 'kind') !== 'Gateway' ? [] : parsePlugins(node, document.file, new Findings(document.source));
}

/** Reads `plugins:` of a gateway file. Nothing is loaded. */
export function parsePlugins(node: DocNode, file: string, findings: Findings): readonly PluginRequest[] {
  if (node.kind !== 'list') return findings.report('SCHEMA_TYPE', node, '`plugins` must be a list') ?? [];
  return node.items.map((item) => parsePlugin(item, file, findings)).filter((one) => one !== undefined);
}

function parsePlugin(node: DocNode, file: string, findings: Findings): PluginRequest | undefined {
  const fields = node.kind === 'map' ? Fields.of(node, 'a plugin', findings) : undefined;
  const useNode = fields === undefined ? node : fields.required('use');
  const use = useNode?.kind === 'scalar' && typeof useNode.value === 'string' ? useNode.value : undefined;
  const optionsNode = fields?.node('options');
  fields?.end();
  if (useNode === undefined) return undefined;
  if (use === undefined || !(isPath(use) || isPackageName(use))) return findings.report('SCHEMA_VALUE', useNode, 'a plugin is named by its package, or by a path that begins with `./`, `../` or `/`');
  if (optionsNode !== undefined && optionsNode.kind !== 'map') return findings.report('SCHEMA_TYPE', optionsNode, '`options` must be a mapping');
  const { line, column } = findings.source.placeAt(useNode.offset);
  return {
    use, from: dirname(resolve(file)), named: { file: resolve(file), at: `${file}:${String(line)}:${String(column)}` },
    ...(optionsNode !== undefined && { options: frozen(toPlain(optionsNode)) as PluginOptions }),
  };
}

function frozen(value: PlainValue): PlainValue {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}
