import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatErrorChain } from '@portcullis/core';
import { assertTrusted, rootAndUs } from '@portcullis/core/platform';
import { bundlePolicy, loadPolicy, type LoadedPolicy, type LoadOptions } from '@portcullis/policy';
import { replaceFile } from '../format/replace-file.js';

/**
 * The last policy that took effect, in a file of its own: a gateway that is started again beside a broken policy goes on with
 * it. Whoever can change that file decides who comes through, so nobody but root and us may.
 */
export class LastGood {
  readonly path: string;

  /** @param path absolute */
  constructor(path: string) {
    this.path = path;
  }

  /**
   * What was kept, checked as any policy is; undefined where nothing was.
   * @throws PortcullisError `PROGRAM_UNTRUSTED` where somebody else may have put it there
   */
  load(options: LoadOptions): LoadedPolicy | undefined {
    if (!existsSync(this.path)) return undefined;
    assertTrusted(this.path, { owners: rootAndUs(), belowSticky: true });
    return loadPolicy(this.path, { nowMs: Date.now(), ...options });
  }

  /** Keeps the policy of `path` if it is `revision` still; `made` is its bytes where they are there. Why it could not be kept, or undefined. */
  keep(path: string, revision: string, options: LoadOptions, made?: Uint8Array): string | undefined {
    try {
      assertTrusted(dirname(this.path), { owners: rootAndUs(), belowSticky: true });
      if (made !== undefined) {
        replaceFile(this.path, made);
        return undefined;
      }
      const { bytes, policy } = bundlePolicy(path, options);
      // Changed since it was put in force: the reload that follows keeps what it loads.
      if (bytes !== undefined && policy?.revision === revision) replaceFile(this.path, bytes);
      return undefined;
    } catch (error) {
      return `it could not be kept: ${formatErrorChain(error)}`;
    }
  }
}
