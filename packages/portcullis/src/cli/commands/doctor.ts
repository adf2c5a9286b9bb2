import type { Command } from 'commander';
import { examine } from '../../doctor/examine.js';
import type { Check, DoctorReport } from '../../doctor/report.js';
import { escapeJson, escapeText } from '@portcullis/core';
import { colorsFor, type Colors } from '../colors.js';
import { readGatewayFile } from '../../gateway/read-gateway-file.js';
import { EXIT, print } from '../exit.js';
import { examples } from '../help.js';

/** `portcullis doctor`: what can this host attest, and how firmly? */
export function addDoctor(program: Command, done: (code: number) => void): void {
  program.command('doctor')
    .summary('say what this host can attest, and how firmly')
    .description('Tries what the kernel offers, and says what each missing feature costs. Run it as the user, and in the container, that the gateway will run in. Exits 0 when connections can be gated here, 1 when they cannot.')
    .option('--gateway <file>', 'also says which listeners of this gateway file only observe')
    .option('--json', 'for machines')
    .addHelpText('after', examples(
      ['as the user of the gateway', 'setpriv --reuid gateway --regid gateway --init-groups portcullis doctor'],
      ['does any listener admit everyone?', 'portcullis doctor --gateway /etc/portcullis/gateway.yaml'],
      ['in a deployment script', "portcullis doctor --json | jq -e '.usable'"],
    ))
    .action(async ({ json, gateway }: { readonly json?: true; readonly gateway?: string }) => {
      const report = await examine(gateway === undefined ? [] : (await readGatewayFile(gateway)).listeners);
      print(json === true ? escapeJson(JSON.stringify(report)) : formatReport(report, colorsFor(process.stdout)));
      done(report.usable ? EXIT.ok : EXIT.failed);
    });
}

function formatReport({ platform, kernel, node, checks, usable }: DoctorReport, colors: Colors): string {
  const weaker = checks.filter(({ verdict }) => verdict === 'weaker').length;
  const verdict = !usable ? colors.red('connections cannot be gated here')
    : weaker === 0 ? colors.green('as strong as it gets') : colors.yellow(`usable, weaker in ${String(weaker)} ${weaker === 1 ? 'point' : 'points'}`);
  return [`${platform}, kernel ${escapeText(kernel)}, node ${node}`, '', ...checks.flatMap((check) => linesOf(check, colors)), '', `verdict: ${verdict}`].join('\n');
}

function linesOf({ id, verdict, found, cost }: Check, colors: Colors): readonly string[] {
  const mark = { good: colors.green('ok    '), weaker: colors.yellow('weaker'), bad: colors.red('bad   '), note: 'note  ' }[verdict];
  const indent = ' '.repeat('weaker'.length + 22);
  return [`${mark} ${id.padEnd(20)} ${escapeText(found)}`, ...(cost === undefined ? [] : [`${indent}${colors.dim(cost)}`])];
}
