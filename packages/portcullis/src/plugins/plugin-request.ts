import type { PlainValue } from '@portcullis/policy';

/** What a plugin is told by who names it: frozen plain data. What it means, and whether it is right, is the plugin's to say. */
export type PluginOptions = Readonly<Record<string, PlainValue>>;

/** A plugin as somebody names it. */
export interface PluginRequest {
  /** A package's name, or the path of a package's folder or of a file: `./…`, `../…` or `/…`. */
  readonly use: string;
  /** The folder that paths are relative to, and from which up packages are looked for. */
  readonly from: string;
  /** Empty unless told. */
  readonly options?: PluginOptions;
  /** The file that names it, and where. Whoever can change that file chooses what is loaded. */
  readonly named?: { readonly file: string; readonly at: string };
}

export function isPath(use: string): boolean {
  return /^\.{0,2}\//.test(use) || use === '.' || use === '..';
}

/** As npm has them: one name, or one below a scope. Nothing in a package but its entry is a plugin. */
export function isPackageName(use: string): boolean {
  return use.length <= 214 && /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/.test(use);
}
