import { createHash, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';

// As much of OpenPGP (RFC 4880) as a signed Debian archive needs: one RSA key, and texts that it signs in the clear.

const rsa = 1;
const sha256 = 8;
const packetTags = { signature: 2, key: 6, user: 13 };
const subpackets = { created: 2, issuer: 16, flags: 27, issuerFingerprint: 33 };
const signatureTypes = { text: 1, certification: 0x13 };

/** A key that signs archives. */
export class ArchiveKey {
  readonly #private: KeyObject;
  readonly #body: Buffer;
  readonly #created: number;

  constructor(created = Math.floor(Date.now() / 1000) - 86_400) {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
    const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
    this.#private = privateKey;
    this.#created = created;
    const numbers = [n, e].map((text) => integer(Buffer.from(text, 'base64url')));
    this.#body = Buffer.concat([Buffer.from([4]), long(created), Buffer.from([rsa]), ...numbers]);
  }

  /** What goes into a keyring. */
  publicKey(): Buffer {
    const user = Buffer.from('Test archive <archive@test.invalid>');
    const certified = Buffer.concat([this.#hashed(), Buffer.from([0xb4]), long(user.length), user]);
    return Buffer.concat([
      packet(packetTags.key, this.#body),
      packet(packetTags.user, user),
      this.#signature(signatureTypes.certification, certified, this.#created),
    ]);
  }

  /** A text with its signature (section 7). */
  clearSigned(text: string): string {
    const lines = text.replace(/\n$/, '').split('\n');
    const signature = this.#signature(
      signatureTypes.text,
      Buffer.from(lines.join('\r\n')),
      this.#created + 60,
    );
    return (
      `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${lines.join('\n')}\n` +
      `-----BEGIN PGP SIGNATURE-----\n\n${signature.toString('base64').replace(/.{64}/g, '$&\n')}\n` +
      `=${checksum(signature).toString('base64')}\n-----END PGP SIGNATURE-----\n`
    );
  }

  /** Section 5.2.3, version 4. */
  #signature(type: number, content: Buffer, time: number): Buffer {
    const hashed = Buffer.concat([
      subpacket(subpackets.created, long(time)),
      subpacket(subpackets.issuerFingerprint, Buffer.concat([Buffer.from([4]), this.#fingerprint()])),
      ...(type === signatureTypes.certification ? [subpacket(subpackets.flags, Buffer.from([0x03]))] : []),
    ]);
    const head = Buffer.concat([Buffer.from([4, type, rsa, sha256]), short(hashed.length), hashed]);
    const signed = Buffer.concat([content, head, Buffer.from([4, 0xff]), long(head.length)]);
    const unhashed = subpacket(subpackets.issuer, this.#fingerprint().subarray(-8));
    const start = createHash('sha256').update(signed).digest().subarray(0, 2);
    const value = createSign('RSA-SHA256').update(signed).sign(this.#private);
    return packet(
      packetTags.signature,
      Buffer.concat([head, short(unhashed.length), unhashed, start, integer(value)]),
    );
  }

  #hashed(): Buffer {
    return Buffer.concat([Buffer.from([0x99]), short(this.#body.length), this.#body]);
  }

  #fingerprint(): Buffer {
    return createHash('sha1').update(this.#hashed()).digest();
  }
}

/** New format, lengths of five bytes. */
function packet(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xc0 | tag, 0xff]), long(body.length), body]);
}

function subpacket(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([body.length + 1, type]), body]);
}

function integer(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const rest = bytes.subarray(start);
  return Buffer.concat([short(rest.length * 8 - Math.clz32(rest[0] ?? 0) + 24), rest]);
}

function short(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** CRC-24, section 6.1. */
function checksum(bytes: Buffer): Buffer {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let i = 0; i < 8; i++) crc = crc & 0x800000 ? (crc << 1) ^ 0x1864cfb : crc << 1;
  }
  return long(crc & 0xffffff).subarray(1);
}
