import type { AppStep, AppStreamEvent, Notice, ServiceAnswer } from '#api/types/apps.ts';
import type { Paint } from './screen.ts';
import { table } from './table.ts';
import { address, stateWords, stepSign, stepWords } from './words.ts';

// The parts that plain lines and terminals show alike.

export function noticeText(notice: Notice, paint: Paint): string {
  const word = notice.severity === 'advice' ? paint('cyan', 'advice') : paint('yellow', notice.severity);
  return `${word}: ${notice.file}:${notice.line}:${notice.column}: ${notice.message}\n`;
}

export function planText(
  plan: { app: string; revision: number; steps: readonly AppStep[] },
  paint: Paint,
): string {
  if (plan.steps.length === 0) return `App ${paint('bold', plan.app)}: nothing to do\n`;
  const count = plan.steps.length === 1 ? '1 step' : `${plan.steps.length} steps`;
  const colors = { '+': 'green', '~': 'yellow', '-': 'red', ' ': 'dim' } as const;
  const signs = plan.steps.map(stepSign);
  const lines = table(plan.steps.map((step) => [stepWords(step), `(${step.reason})`])).split('\n');
  const painted = signs.map((sign, index) => {
    const color = sign === '+' || sign === '~' || sign === '-' ? colors[sign] : colors[' '];
    return `  ${paint(color, sign)} ${lines[index] ?? ''}\n`;
  });
  return `App ${paint('bold', plan.app)}, revision ${plan.revision}: ${count}\n${painted.join('')}`;
}

export function unwellText(event: Extract<AppStreamEvent, { type: 'unwell' }>, paint: Paint): string {
  const parts = [`${paint('red', 'unwell')}: ${event.container}: ${event.message}\n`];
  if (event.probe !== undefined) {
    const output = event.probe.output.trimEnd();
    parts.push(
      `  last failing probe: exit code ${event.probe.exitCode}${output === '' ? ', no output' : ', output:'}\n`,
      indented(output),
    );
  }
  parts.push(event.logs.length === 0 ? '  the container has logged nothing\n' : '  last lines of its log:\n');
  return [...parts, indented(event.logs.join('\n'))].join('');
}

function indented(text: string): string {
  return text === '' ? '' : text.replace(/^/gm, '    ') + '\n';
}

/** Each service with its health and the addresses under which it is reached. */
export function resultText(
  result: { app: string; revision: number; changed: boolean; services: readonly ServiceAnswer[] },
  paint: Paint,
): string {
  if (result.services.length === 0) return `App ${paint('bold', result.app)} is down\n`;
  const said = result.changed ? 'is up' : 'is up, unchanged';
  const rows = result.services.flatMap((service) =>
    service.replicas.map((replica) => [
      `  ${replica.container}`,
      stateWords(replica),
      [...new Set(replica.ports.map(address))].join(' '),
    ]),
  );
  return `App ${paint('bold', result.app)} ${said} (revision ${result.revision})\n${table(rows)}`;
}
