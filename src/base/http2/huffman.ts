import { invalid } from '#base/errors.ts';

/**
 * How many bits the codes of the 256 bytes and of the end of a text have (RFC 7541, appendix B), in base 36. The code is canonical: codes
 * of one length count up in the order of what they stand for, and go on where the shorter ones ended.
 */
const lengths =
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6' +
  'f56565666577666567655677777fbedskmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn' +
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu';
const longest = 30;
const end = 256;

interface Codes {
  /** The first code of this length. */
  first: number;
  symbols: number[];
}

const byLength = codesByLength();

function codesByLength(): Codes[] {
  const symbols: number[][] = Array.from({ length: longest + 1 }, () => []);
  for (let symbol = 0; symbol <= end; symbol++)
    symbols[Number.parseInt(lengths.charAt(symbol), 36)]?.push(symbol);
  let next = 0;
  return symbols.map((those) => {
    const first = next * 2;
    next = first + those.length;
    return { first, symbols: those };
  });
}

/** The bytes that a Huffman-coded text stands for, as a byte string. @throws invalid `http2-malformed` */
export function decodeHuffman(coded: Uint8Array): string {
  const decoded: number[] = [];
  let code = 0;
  let length = 0;
  for (const byte of coded)
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1);
      const codes = byLength[++length];
      if (codes === undefined) throw malformed();
      const symbol = codes.symbols[code - codes.first];
      if (symbol === undefined) continue;
      if (symbol === end) throw malformed();
      decoded.push(symbol);
      code = 0;
      length = 0;
    }
  // What is left over is the beginning of the code of the end: ones.
  if (length > 7 || code !== 2 ** length - 1) throw malformed();
  return Buffer.from(decoded).toString('latin1');
}

function malformed(): Error {
  return invalid('http2-malformed', 'read an HTTP/2 header: its Huffman code is damaged');
}
