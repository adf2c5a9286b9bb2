import { PortcullisError } from '@portcullis/core';
import { formatFindings, readDocumentFile, textOf } from '@portcullis/policy';
import type { Command } from 'commander';
import type { Plugin } from '../compose/parts.js';
import { pluginsOf } from '../gateway/parse-plugins.js';
import { loadPlugins } from '../plugins/load-plugin.js';
import type { PluginRequest } from '../plugins/plugin-request.js';

/** What the command line says of plugins. */
export interface PluginChoice {
  readonly plugin: readonly string[];
  readonly gateway?: string;
}

/** Adds `--plugin` and `--gateway` to a command that needs to know which keys there are. */
export function addPluginOptions(command: Command): Command {
  return addPluginOption(command).option('--gateway <file>', 'with the plugins, and their options, of this gateway file');
}

export function addPluginOption(command: Command): Command {
  return command.option('--plugin <name|path>', 'with the attestors of this plugin; may be given again', (one: string, all: readonly string[]) => [...all, one], []);
}

/** @throws PortcullisError `PLUGIN_*` */
export function chosenPlugins({ plugin, gateway }: PluginChoice): Promise<readonly Plugin[]> {
  const named: readonly PluginRequest[] = plugin.map((use) => ({ use, from: process.cwd() }));
  return loadPlugins([...named, ...(gateway === undefined ? [] : pluginsOfFile(gateway))]);
}

function pluginsOfFile(path: string): readonly PluginRequest[] {
  const document = readDocumentFile(path);
  if (textOf(document.root, 'kind') === 'Gateway') return pluginsOf(document);
  const why = document.findings.length === 0 ? 'its `kind` is another' : formatFindings(document.findings, new Map([[path, document.source]]));
  throw new PortcullisError('GATEWAY_INVALID', `\`${path}\` is no gateway file: ${why}`, { facts: { file: path } });
}
