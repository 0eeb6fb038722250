import type { AppStreamEvent } from '#api/types/apps.ts';
import { noticeText, planText, resultText, unwellText } from './report.ts';
import { painter, type Screen } from './screen.ts';
import { stepWords } from './words.ts';

const paint = painter(false);

/** One line for each thing that happened, for logs of other programs. The result goes to standard output. */
export class PlainRenderer {
  readonly #screen: Screen;
  #lastText = '';

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  show(event: AppStreamEvent): void {
    if (event.type === 'result') this.#screen.out(resultText(event, paint));
    else this.#screen.error(this.#text(event));
  }

  close(): void {
    // Each line is complete already.
  }

  #text(event: Exclude<AppStreamEvent, { type: 'result' }>): string {
    switch (event.type) {
      case 'notice':
        return noticeText(event, paint);
      case 'plan':
        return planText(event, paint);
      case 'unwell':
        return unwellText(event, paint);
      case 'error':
        // The command says it, with its exit code.
        return '';
      case 'progress':
        return this.#progress(event);
      case 'step':
        return event.state === 'started' ? '' : `${stepWords(event.step)}: ${event.state}\n`;
    }
  }

  /** Bytes on their way are not for a log; words are, once each. */
  #progress(event: Extract<AppStreamEvent, { type: 'progress' }>): string {
    const text = event.id === undefined ? event.text : `${event.id}: ${event.text}`;
    if (event.text === '' || event.current !== undefined || text === this.#lastText) return '';
    this.#lastText = text;
    return text.replace(/^/gm, '  ') + '\n';
  }
}
