import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';

const BIN = join(dirname(createRequire(import.meta.url).resolve('yaml-language-server/package.json')), 'bin/yaml-language-server');
const YAML = { validate: true, completion: true, hover: true, schemaStore: { enable: false } };

export interface Diagnostic {
  readonly message: string;
  readonly range: { readonly start: { readonly line: number; readonly character: number }; readonly end: { readonly line: number; readonly character: number } };
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly items?: readonly { readonly section?: string }[]; readonly uri?: string; readonly diagnostics?: readonly Diagnostic[] };
  readonly result?: unknown;
}

/** Red Hat's yaml-language-server as an editor drives it: over its stdin and stdout. It looks for nothing in the network. */
export class LanguageServer {
  readonly #folder: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  readonly #diagnostics = new Map<string, (found: readonly Diagnostic[]) => void>();
  #received = Buffer.alloc(0);
  #last = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#child = spawn(process.execPath, [BIN, '--stdio'], { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.stdout.on('data', (some: Buffer) => { this.#receive(some); });
  }

  static async start(folder: string): Promise<LanguageServer> {
    const server = new LanguageServer(folder);
    const textDocument = { completion: { completionItem: { snippetSupport: true } } };
    await server.#ask('initialize', { processId: process.pid, rootUri: pathToFileURL(folder).href, capabilities: { workspace: { configuration: true }, textDocument } });
    server.#send({ method: 'initialized', params: {} });
    server.#send({ method: 'workspace/didChangeConfiguration', params: { settings: { yaml: YAML } } });
    return server;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  /** Opens a file of the folder, which is written, and hands back what is marked in it. */
  open(name: string, text: string): Promise<readonly Diagnostic[]> {
    writeFileSync(join(this.#folder, name), text);
    const uri = this.#uri(name);
    return new Promise((resolve) => {
      this.#diagnostics.set(uri, resolve);
      this.#send({ method: 'textDocument/didOpen', params: { textDocument: { uri, languageId: 'yaml', version: 1, text } } });
    });
  }

  /** What is offered at the `|` of a text. */
  async complete(name: string, marked: string): Promise<readonly string[]> {
    const result = await this.#at('completion', name, marked) as { readonly items: readonly { readonly label: string }[] };
    return result.items.map(({ label }) => label);
  }

  /** What is said of the word at the `|` of a text. */
  async hover(name: string, marked: string): Promise<string> {
    const result = await this.#at('hover', name, marked) as { readonly contents: { readonly value: string } };
    return result.contents.value;
  }

  async #at(what: string, name: string, marked: string): Promise<unknown> {
    await this.open(name, marked.replace('|', ''));
    const before = marked.slice(0, marked.indexOf('|')).split('\n');
    return this.#ask(`textDocument/${what}`, { textDocument: { uri: this.#uri(name) }, position: { line: before.length - 1, character: before.at(-1)?.length } });
  }

  #uri(name: string): string {
    return pathToFileURL(join(this.#folder, name)).href;
  }

  #ask(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#last;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send({ id, method, params });
    });
  }

  #send(message: object): void {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    this.#child.stdin.write(Buffer.concat([Buffer.from(`Content-Length: ${String(body.length)}\r\n\r\n`), body]));
  }

  #receive(some: Buffer): void {
    this.#received = Buffer.concat([this.#received, some]);
    for (;;) {
      const head = this.#received.indexOf('\r\n\r\n');
      if (head < 0) return;
      const end = head + 4 + Number(/Content-Length: ([0-9]+)/.exec(this.#received.toString('latin1', 0, head))?.[1]);
      if (this.#received.length < end) return;
      const message = JSON.parse(this.#received.toString('utf8', head + 4, end)) as Message;
      this.#received = this.#received.subarray(end);
      this.#handle(message);
    }
  }

  #handle({ id, method, params, result }: Message): void {
    if (id !== undefined && method !== undefined) {
      this.#send({ id, result: method === 'workspace/configuration' ? params?.items?.map(({ section }) => (section === 'yaml' ? YAML : {})) : null });
    } else if (id !== undefined) {
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    } else if (method === 'textDocument/publishDiagnostics') this.#diagnostics.get(params?.uri ?? '')?.(params?.diagnostics ?? []);
  }
}
