import type { TrustTier } from '@portcullis/core';
import type { Command } from './command.js';

/** A program that can visit the gate. */
export interface Client {
  readonly name: string;
  /** Its real path: what the kernel will say. */
  readonly path: string;
  /** What its path and digest are worth at best. */
  readonly tier: TrustTier & ('image' | 'image-unverified');
  /** Asks for `/name`; `path` is another file of the same program. */
  visit(name: string, path?: string): Command;
  /** Asks, and is gone a moment later. */
  visitAndGo(name: string): Command;
}

/** `curl --config -` reads what to do from its input, so it waits for us. */
export function curl(path: string, gate: string): Client {
  const ask = (name: string): string => `unix-socket = ${quoted(gate)}\nurl = "http://demo/${name}"\n`;
  const args = ['-q', '--silent', '--show-error', '--max-time', '10', '--config', '-'];
  return {
    name: 'curl', path, tier: 'image',
    visit: (name, other = path) => ({ path: other, args, input: ask(name) }),
    visitAndGo: (name) => ({ path, args: ['-q', '--silent', '--max-time', '0.3', '--config', '-'], input: ask(name) }),
  };
}

/** Our own, of demo/visitor.c. */
export function visitor(path: string, gate: string): Client {
  return {
    name: 'visitor', path, tier: 'image',
    visit: (name, other = path) => ({ path: other, args: [gate, name], input: '' }),
    visitAndGo: (name) => ({ path, args: [gate, name, '--gone'], input: '' }),
  };
}

/** demo/visitor.mjs by a node: a program that compiles as it goes. */
export function node(path: string, script: string, gate: string): Client {
  return {
    name: 'node', path, tier: 'image-unverified',
    visit: (name, other = path) => ({ path: other, args: [script, gate, name], input: '' }),
    visitAndGo: (name) => ({ path, args: [script, gate, name, '--gone'], input: '' }),
  };
}

/** As curl's configuration wants it (curl(1), --config). */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
