import type { AppStreamEvent } from '#api/types/apps.ts';
import type { Output } from '#cli/output.ts';
import { indented, noteText, noticeText, planText, printResult, unwellText, type Paint } from './report.ts';
import { stepWords } from './words.ts';

const plain: Paint = (_colour, text) => text;

/** One line for each thing that happened, for logs of other programs. */
export class PlainRenderer {
  readonly #output: Output;
  #lastText = '';

  constructor(output: Output) {
    this.#output = output;
  }

  show(event: AppStreamEvent): void {
    if (event.type === 'result') printResult(event, this.#output);
    else {
      const text = this.#text(event);
      if (text !== undefined) this.#output.note(text);
    }
  }

  close(): void {
    // Each line is complete already.
  }

  #text(event: Exclude<AppStreamEvent, { type: 'result' }>): string | undefined {
    switch (event.type) {
      case 'notice':
        return noticeText(event, plain);
      case 'note':
        return noteText(event.message, plain);
      case 'plan':
        return planText(event, plain);
      case 'unwell':
        return unwellText(event, plain);
      case 'error':
        // The command says it, with its exit code.
        return undefined;
      case 'progress':
        return this.#progress(event);
      case 'step':
        return event.state === 'started' ? undefined : `${stepWords(event.step)}: ${event.state}`;
    }
  }

  /** Bytes on their way are not for a log; words are, once each. */
  #progress(event: Extract<AppStreamEvent, { type: 'progress' }>): string | undefined {
    const text = event.id === undefined ? event.text : `${event.id}: ${event.text}`;
    if (event.text === '' || event.current !== undefined || text === this.#lastText) return undefined;
    this.#lastText = text;
    return indented(text);
  }
}
