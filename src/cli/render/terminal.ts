import type { AppStep, AppStreamEvent } from '#api/types/apps.ts';
import type { Output } from '#cli/output.ts';
import { indented, noticeText, planText, printResult, unwellText, type Paint } from './report.ts';
import { sizeWords, stepWords } from './words.ts';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 100;
const keptOutput = 30;

/** What is done stays on the screen; what is being done is one line below that redraws itself. */
export class TerminalRenderer {
  readonly #output: Output;
  readonly #paint: Paint;
  #live: { step: AppStep; since: number; text: string; layers: Map<string, [number, number]> } | undefined;
  /** Last lines of a build, shown when it fails. */
  #printed: string[] = [];
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(output: Output) {
    this.#output = output;
    this.#paint = (colour, text) => output.paint(colour, text, 'stderr');
  }

  show(event: AppStreamEvent): void {
    if (event.type === 'step') this.#step(event);
    else if (event.type === 'progress') this.#progress(event);
    else {
      this.#wipe();
      if (event.type === 'notice') this.#output.note(noticeText(event, this.#paint));
      else if (event.type === 'plan') this.#output.note(planText(event, this.#paint));
      else if (event.type === 'unwell') this.#output.note(unwellText(event, this.#paint));
      else if (event.type === 'result') printResult(event, this.#output);
    }
  }

  close(): void {
    this.#wipe();
    this.#live = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #step(event: Extract<AppStreamEvent, { type: 'step' }>): void {
    this.#wipe();
    if (event.state === 'started') {
      this.#live = { step: event.step, since: Date.now(), text: '', layers: new Map() };
      this.#printed = [];
      this.#timer ??= setInterval(() => this.#draw(), frameMs);
      this.#draw();
      return;
    }
    const seconds =
      this.#live === undefined ? '' : ` ${((Date.now() - this.#live.since) / 1000).toFixed(1)} s`;
    const marks = {
      done: this.#paint('green', '✔'),
      failed: this.#paint('red', '✘'),
      undone: this.#paint('yellow', '↺'),
    };
    const said = event.state === 'undone' ? ' (taken back)' : this.#paint('dim', seconds);
    if (event.state === 'failed' && this.#printed.length > 0)
      this.#output.note(indented(this.#printed.join('\n')));
    this.#output.note(` ${marks[event.state]} ${stepWords(event.step)}${said}`);
    this.#live = undefined;
  }

  #progress({ id, text, current, total }: Extract<AppStreamEvent, { type: 'progress' }>): void {
    if (this.#live === undefined) return;
    if (id !== undefined && current !== undefined && total !== undefined && total > 0)
      this.#live.layers.set(id, [Math.min(current, total), total]);
    else if (text !== '') {
      const lines = text.split('\n');
      this.#live.text = lines.at(-1) ?? '';
      this.#printed = [...this.#printed, ...lines].slice(-keptOutput);
    }
  }

  #draw(): void {
    if (this.#live === undefined) return;
    this.#frame += 1;
    const mark = this.#paint('cyan', frames[this.#frame % frames.length] ?? '');
    const words = stepWords(this.#live.step);
    const seconds = Math.floor((Date.now() - this.#live.since) / 1000);
    const detail = this.#bar() ?? this.#live.text;
    const room = Math.max(0, this.#output.columns - words.length - 12);
    const line = ` ${mark} ${words} ${this.#paint('dim', `${seconds} s  ${printable(detail).slice(0, room)}`)}`;
    this.#output.draw(`\r\u001b[K${line}`);
  }

  #bar(): string | undefined {
    const layers = [...(this.#live?.layers.values() ?? [])];
    if (layers.length === 0) return undefined;
    const [done, all] = layers.reduce(([a, b], [current, total]) => [a + current, b + total], [0, 0]);
    const width = 20;
    const filled = Math.round((done / all) * width);
    const bar = '█'.repeat(filled) + '░'.repeat(width - filled);
    return `${bar} ${Math.floor((done / all) * 100)} %  ${sizeWords(done)} of ${sizeWords(all)}`;
  }

  #wipe(): void {
    if (this.#live !== undefined) this.#output.draw('\r\u001b[K');
  }
}

/** Without control characters: what a build prints must not move the cursor. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  return text.replace(/\u001b\[[0-9;?]*[A-Za-z]|[\u0000-\u001f\u007f]/g, '');
}
