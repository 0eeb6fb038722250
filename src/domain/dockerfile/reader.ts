/** Reads a word from left to right. */
export class Reader {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  peek(): string {
    return this.text.charAt(this.at);
  }

  next(): string {
    return this.text.charAt(this.at++);
  }

  /** What matches from here on, taken; '' when nothing does. */
  take(pattern: RegExp): string {
    const found = new RegExp(pattern.source, `y${pattern.flags}`);
    found.lastIndex = this.at;
    const match = found.exec(this.text)?.[0] ?? '';
    this.at += match.length;
    return match;
  }
}
