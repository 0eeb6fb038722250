// Draws what a terminal shows at the end of a recorded session, for the documentation:
//   script -qec './berth up examples/guestbook' session.txt
//   sh scripts/with-node.sh scripts/terminal-svg.ts 'berth up examples/guestbook' <session.txt >docs/images/up.svg
// It knows what Berth and the docker client print: colours, returns to the start of a line, erased line ends.
import { readFileSync } from 'node:fs';

interface Cell {
  text: string;
  style: string;
}

const colours: Record<string, string> = {
  1: 'font-weight:bold',
  2: 'opacity:.65',
  31: 'fill:#ff8a80',
  32: 'fill:#8bd17c',
  33: 'fill:#e6c36a',
  34: 'fill:#82b1ff',
  36: 'fill:#6fd3e0',
  90: 'opacity:.65',
};

const escape = '\u001b';
const csi = `${escape}[`;
const tokens = new RegExp(`${escape}\\[[0-9;?]*[A-Za-z]|${escape}[()][A-Z0-9]|[^]`, 'gu');

/** The lines on the screen after all of `session` was written to it. */
function screen(session: string): Cell[][] {
  const lines: Cell[][] = [[]];
  let column = 0;
  let styles: string[] = [];
  for (const [token] of session.matchAll(tokens)) {
    const line = lines.at(-1) ?? [];
    if (token === '\r') column = 0;
    else if (token === '\n') {
      lines.push([]);
      column = 0;
    } else if (token.startsWith(csi) && token.endsWith('m')) styles = styled(styles, token.slice(2, -1));
    else if (token === `${csi}K`) line.splice(column);
    else if (!token.startsWith(escape)) line[column++] = { text: token, style: styles.join(';') };
  }
  while (lines.at(-1)?.length === 0) lines.pop();
  return lines;
}

function styled(styles: string[], codes: string): string[] {
  let result = styles;
  for (const code of codes.split(';').map(Number)) {
    const colour = colours[code];
    if (code === 0) result = [];
    else if (code === 39) result = result.filter((style) => !style.startsWith('fill'));
    else if (code === 22) result = result.filter((style) => style.startsWith('fill'));
    else if (colour !== undefined) result = [...result, colour];
  }
  return result;
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const escapeXml = (text: string): string => text.replace(/[&<>]/g, (sign) => escapes[sign] ?? sign);

/** Neighbouring cells of one style in one element. */
function lineSvg(cells: Cell[], y: number): string {
  const runs: Cell[] = [];
  for (const cell of cells) {
    const last = runs.at(-1);
    if (last !== undefined && last.style === cell.style) last.text += cell.text;
    else runs.push({ ...cell });
  }
  const spans = runs.map(
    ({ text, style }) => `<tspan${style === '' ? '' : ` style="${style}"`}>${escapeXml(text)}</tspan>`,
  );
  return `<text x="24" y="${y}" xml:space="preserve">${spans.join('')}</text>`;
}

const [command = ''] = process.argv.slice(2);
const shown = screen(readFileSync(0, 'utf8').replace(/^Script (?:started|done).*$/gm, ''));
const prompt: Cell[] = [
  { text: '$ ', style: 'opacity:.65' },
  { text: command, style: 'font-weight:bold' },
];
const lines = [prompt, ...shown.slice(shown.findIndex((line) => line.length > 0))];
const columns = Math.max(...lines.map((line) => line.reduce((sum, { text }) => sum + text.length, 0)));
const [width, height] = [columns * 8.43 + 48, lines.length * 20 + 64];
console.log(`<svg xmlns="http://www.w3.org/2000/svg" width="${width.toFixed(0)}" height="${height}" role="img" aria-label="${escapeXml(command)}">
<rect width="100%" height="100%" rx="10" fill="#14191f"/>
<g fill="#5b6672"><circle cx="22" cy="20" r="5"/><circle cx="40" cy="20" r="5"/><circle cx="58" cy="20" r="5"/></g>
<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="#e8edf2">
${lines.map((line, i) => lineSvg(line, 52 + i * 20)).join('\n')}
</g>
</svg>`);
