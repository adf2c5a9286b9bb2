import type { Gate } from './gate.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

export interface DrainOptions {
  /** How long live connections may take to end; see `Gate.close`. */
  readonly drainMs?: number;
  /** Called once the gate is closed; a failure to close is handed on. */
  readonly done?: (error?: unknown) => void;
}

/**
 * Closes `gate` in order on SIGTERM or SIGINT, so that live connections may end; a second signal ends them at once. The
 * process ends by itself when nothing else holds it. Returns a function that takes the handlers away again.
 */
export function drainOnSignals(gate: Gate, options: DrainOptions = {}): () => void {
  let closing = false;
  const stop = (): void => {
    if (closing) {
      gate.destroy();
      return;
    }
    closing = true;
    const closed = gate.close(options.drainMs === undefined ? {} : { drainMs: options.drainMs });
    closed.finally(remove).then(() => options.done?.(), (error: unknown) => options.done?.(error));
  };
  const remove = (): void => {
    for (const signal of SIGNALS) process.off(signal, stop);
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  return remove;
}
