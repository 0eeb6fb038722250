import type { BuildLine, BuildResultLine, BuildWarningLine, VerificationLine } from '#api/types/builds.ts';
import type { Output } from '#cli/output.ts';

type Vertex = NonNullable<BuildLine['vertex']>;

/** How a build goes, each step in lines of its own that begin with its number; the image's id is the result, on stdout. */
export class BuildRenderer {
  readonly #output: Output;
  readonly #quiet: boolean;
  readonly #numbers = new Map<string, number>();
  readonly #ended = new Set<string>();
  /** What a step has written since its last line end. */
  readonly #rests = new Map<string, string>();
  readonly #warnings: BuildWarningLine[] = [];
  #isBad = false;

  constructor(output: Output, { quiet }: { quiet: boolean }) {
    this.#output = output;
    this.#quiet = quiet;
  }

  /** The check found something, or two builds differ. */
  get isBad(): boolean {
    return this.#isBad;
  }

  show(line: BuildLine): void {
    this.#output.json(line);
    if (line.vertex !== undefined) this.#vertex(line.vertex);
    if (line.log !== undefined) this.#log(line.log.vertex, line.log.text);
    if (line.warning !== undefined) this.#warnings.push(line.warning);
    if (line.checked !== undefined) this.#checked(line.checked);
    if (line.verification !== undefined) this.#verified(line.verification);
    if (line.result !== undefined) this.#result(line.result);
  }

  /** The warnings come last, where they are seen. */
  end(): void {
    for (const rest of this.#rests.keys()) this.#flush(rest);
    if (this.#output.isJson || this.#quiet || this.#warnings.length === 0) return;
    const count = this.#warnings.length;
    this.#output.note(`\n${count} warning${count === 1 ? '' : 's'} of the Dockerfile:`);
    for (const { message, url, file, line } of this.#warnings.splice(0)) {
      this.#output.note(` - ${this.#output.paint('yellow', message, 'stderr')}`);
      this.#output.note(`   ${file}:${line}${url === undefined ? '' : `  ${url}`}`);
    }
  }

  #vertex(vertex: Vertex): void {
    const { digest, name, started, completed, cached, error } = vertex;
    if (started === undefined || this.#ended.has(digest)) return;
    if (!this.#numbers.has(digest)) {
      this.#numbers.set(digest, this.#numbers.size + 1);
      this.#say(digest, this.#output.paint('bold', name, 'stderr'));
    }
    if (completed === undefined) return;
    this.#flush(digest);
    this.#ended.add(digest);
    if (error !== undefined) this.#say(digest, `ERROR: ${error.split('\n')[0] ?? ''}`);
    else this.#say(digest, cached ? 'CACHED' : `DONE ${((completed - started) / 1000).toFixed(1)}s`);
  }

  #log(vertex: string, text: string): void {
    const lines = `${this.#rests.get(vertex) ?? ''}${text}`.split('\n');
    this.#rests.set(vertex, lines.pop() ?? '');
    for (const line of lines) this.#say(vertex, line);
  }

  #flush(vertex: string): void {
    const rest = this.#rests.get(vertex) ?? '';
    this.#rests.delete(vertex);
    if (rest !== '') this.#say(vertex, rest);
  }

  #say(vertex: string, line: string): void {
    if (this.#output.isJson || this.#quiet) return;
    this.#output.note(`#${this.#numbers.get(vertex) ?? 0} ${line}`);
  }

  #checked({ isError, failure }: NonNullable<BuildLine['checked']>): void {
    if (failure !== undefined) this.#output.failure(failure);
    this.#isBad = failure !== undefined || isError || this.#warnings.length > 0;
    if (!this.#isBad) this.#output.print('Check complete, no warnings found.');
  }

  #verified(found: VerificationLine): void {
    this.#isBad = !found.isReproducible;
    if (this.#quiet || this.#output.isJson) return;
    const at = `with SOURCE_DATE_EPOCH=${found.sourceDateEpoch}`;
    if (found.isReproducible) {
      this.#output.note(`reproducible: two builds without cache gave one digest, ${at}`);
      return;
    }
    this.#output.failure(
      `not reproducible ${at}: ${found.path === '' ? 'the images' : (found.path ?? '')} differs`,
    );
    if (found.step !== undefined && found.step !== '') this.#output.note(`  step: ${found.step}`);
    for (const reason of found.reasons ?? []) this.#output.note(`  ${reason}`);
  }

  #result({ imageId }: BuildResultLine): void {
    this.#output.print(imageId);
  }
}
