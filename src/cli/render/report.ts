import type { AppStep, AppStreamEvent, Notice, ServiceAnswer } from '#api/types/apps.ts';
import type { ServicePlanAnswer, SharedDifferenceAnswer } from '#api/types/app-history.ts';
import type { Colour, Output } from '#cli/output.ts';
import { servicePlanLines } from './differences.ts';
import { address, stateWords, stepSign, stepWords } from './words.ts';

// The parts that plain lines and terminals show alike, as lines without the last newline.

/** Colours a text for the stream that it goes to. */
export type Paint = (colour: Colour, text: string) => string;

export function noticeText(notice: Notice, paint: Paint): string {
  const word = paint(notice.severity === 'advice' ? 'cyan' : 'yellow', notice.severity);
  return `${word}: ${notice.file}:${notice.line}:${notice.column}: ${notice.message}`;
}

export function noteText(message: string, paint: Paint): string {
  return `${paint('cyan', 'note')}: ${message}`;
}

export interface ShownPlan {
  app: string;
  revision: number;
  steps: readonly AppStep[];
  services?: readonly ServicePlanAnswer[];
  shared?: readonly SharedDifferenceAnswer[];
}

/** What becomes of each service and why, then the steps. */
export function planText(plan: ShownPlan, paint: Paint): string {
  const { services = [], shared = [] } = plan;
  const isSame = services.every((one) => one.action === 'keep') && shared.length === 0;
  if (plan.steps.length === 0 && isSame) return `App ${paint('bold', plan.app)}: nothing to do`;
  const text = stepsText(plan, paint);
  return isSame ? text : [...servicePlanLines(services, shared, paint), text].join('\n');
}

function stepsText(plan: ShownPlan, paint: Paint): string {
  if (plan.steps.length === 0) return `App ${paint('bold', plan.app)}, revision ${plan.revision}: no steps`;
  const count = plan.steps.length === 1 ? '1 step' : `${plan.steps.length} steps`;
  const width = Math.max(...plan.steps.map((step) => stepWords(step).length));
  const lines = plan.steps.map((step) => {
    const sign = stepSign(step);
    return `  ${paint(colours[sign], sign)} ${stepWords(step).padEnd(width)}  (${step.reason})`;
  });
  return [`App ${paint('bold', plan.app)}, revision ${plan.revision}: ${count}`, ...lines].join('\n');
}

const colours = { '+': 'green', '~': 'yellow', '-': 'red', ' ': 'dim' } as const;

export function unwellText(event: Extract<AppStreamEvent, { type: 'unwell' }>, paint: Paint): string {
  const lines = [`${paint('red', 'unwell')}: ${event.container}: ${event.message}`];
  if (event.probe !== undefined) {
    const output = event.probe.output.trimEnd();
    const end = output === '' ? ', no output' : ', output:';
    lines.push(`  last failing probe: exit code ${event.probe.exitCode}${end}`);
    if (output !== '') lines.push(indented(output));
  }
  if (event.logs.length === 0) lines.push('  the container has logged nothing');
  else lines.push('  last lines of its log:', indented(event.logs.join('\n')));
  return lines.join('\n');
}

export function indented(text: string): string {
  return text.replace(/^/gm, '    ');
}

/** Each service with its health and the addresses under which it is reached: the command's result. */
export function printResult(
  result: { app: string; revision: number; changed: boolean; services: readonly ServiceAnswer[] },
  output: Output,
): void {
  const name = output.paint('bold', result.app);
  if (result.services.length === 0) {
    output.print(`App ${name} is down`);
    return;
  }
  output.print(`App ${name} is up${result.changed ? '' : ', nothing changed'} (revision ${result.revision})`);
  output.table(
    result.services.flatMap((service) =>
      service.replicas.map((replica) => [
        `  ${replica.container}`,
        stateWords(replica),
        [...new Set(replica.ports.map(address))].join(' '),
      ]),
    ),
  );
}
