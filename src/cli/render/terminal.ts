import { stripVTControlCharacters } from 'node:util';
import type { AppStep, AppStreamEvent } from '#api/types/apps.ts';
import type { Output } from '#cli/output.ts';
import { indented, noteText, noticeText, planText, printResult, unwellText, type Paint } from './report.ts';
import { sizeWords, stepWords } from './words.ts';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 100;
const keptOutput = 30;

interface Live {
  step: AppStep;
  since: number;
  text: string;
  /** Bytes done and in all, by layer. */
  layers: Map<string, [number, number]>;
  /** Last lines of a build, shown when it fails. */
  printed: string[];
}

/** What is done stays on the screen; what is being done is one line below that redraws itself. */
export class TerminalRenderer {
  readonly #output: Output;
  readonly #paint: Paint;
  readonly #live = new Map<string, Live>();
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(output: Output) {
    this.#output = output;
    this.#paint = (colour, text) => output.paint(colour, text, 'stderr');
  }

  show(event: AppStreamEvent): void {
    if (event.type === 'progress') this.#progress(event);
    else {
      this.#wipe();
      if (event.type === 'step') this.#step(event);
      else if (event.type === 'notice') this.#output.note(noticeText(event, this.#paint));
      else if (event.type === 'note') this.#output.note(noteText(event.message, this.#paint));
      else if (event.type === 'plan') this.#output.note(planText(event, this.#paint));
      else if (event.type === 'unwell') this.#output.note(unwellText(event, this.#paint));
      else if (event.type === 'result') printResult(event, this.#output);
      this.#draw();
    }
  }

  close(): void {
    this.#wipe();
    this.#live.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #step({ step, state }: Extract<AppStreamEvent, { type: 'step' }>): void {
    const key = stepWords(step);
    if (state === 'started') {
      this.#live.set(key, { step, since: Date.now(), text: '', layers: new Map(), printed: [] });
      this.#timer ??= setInterval(() => this.#draw(), frameMs);
      return;
    }
    const live = this.#live.get(key);
    this.#live.delete(key);
    const took = live === undefined ? '' : ` ${((Date.now() - live.since) / 1000).toFixed(1)} s`;
    if (state === 'failed' && live !== undefined && live.printed.length > 0)
      this.#output.note(indented(live.printed.join('\n')));
    const said = state === 'undone' ? ' (taken back)' : this.#paint('dim', took);
    this.#output.note(` ${this.#mark(state)} ${key}${said}`);
  }

  #mark(state: 'done' | 'failed' | 'undone'): string {
    if (state === 'done') return this.#paint('green', '✔');
    return state === 'failed' ? this.#paint('red', '✘') : this.#paint('yellow', '↺');
  }

  #progress({ step, id, text, current, total }: Extract<AppStreamEvent, { type: 'progress' }>): void {
    const live = this.#live.get(stepWords(step));
    if (live === undefined) return;
    if (id !== undefined && current !== undefined && total !== undefined && total > 0)
      live.layers.set(id, [Math.min(current, total), total]);
    else if (text !== '') {
      const lines = text.split('\n').map(printable);
      live.text = lines.at(-1) ?? '';
      live.printed = [...live.printed, ...lines].slice(-keptOutput);
    }
  }

  /** The step that is under way for the longest time. */
  #draw(): void {
    const [live] = this.#live.values();
    if (live === undefined) return;
    this.#frame += 1;
    const mark = this.#paint('cyan', frames[this.#frame % frames.length] ?? '');
    const words = stepWords(live.step);
    const seconds = Math.floor((Date.now() - live.since) / 1000);
    const room = Math.max(0, this.#output.columns - words.length - 12);
    const detail = (bar(live) ?? live.text).slice(0, room);
    this.#output.draw(`\r\u001b[K ${mark} ${words} ${this.#paint('dim', `${seconds} s  ${detail}`)}`);
  }

  #wipe(): void {
    if (this.#live.size > 0) this.#output.draw('\r\u001b[K');
  }
}

const barWidth = 20;

function bar({ layers }: Live): string | undefined {
  if (layers.size === 0) return undefined;
  const [done, all] = [...layers.values()].reduce(
    ([a, b], [current, total]) => [a + current, b + total],
    [0, 0],
  );
  const filled = Math.round((done / all) * barWidth);
  const drawn = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  return `${drawn} ${Math.floor((done / all) * 100)} %  ${sizeWords(done)} of ${sizeWords(all)}`;
}

/** Without control characters: what a build prints must not move the cursor. */
function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}/gu, '');
}
