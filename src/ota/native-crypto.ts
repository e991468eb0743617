import type { ByteBuffer, Crypto } from "../hal";

/** Before x and y: the form of a point that leaves nothing out (SEC 1, §2.3.3). */
const UNCOMPRESSED = 4;
const P256 = "secp256r1";

interface Digest {
  /** Takes views as well. */
  write(bytes: ByteBuffer): void;
  close(): ArrayBuffer;
}

type DigestConstructor = new (name: string) => Digest;
type CurveConstructor = new (name: string) => object;
type EcdsaConstructor = new (
  point: object,
  curve: object,
) => {
  /** Takes an ArrayBuffer, and no view of one. */
  verify(digest: ArrayBuffer, signature: ArrayBuffer): boolean;
};

/** The default exports of the SDK's modules; most of them have no typings. */
export interface NativeModules {
  crypt: { Digest: DigestConstructor };
  curve: CurveConstructor;
  ecp: { fromOctetString(bytes: Uint8Array): object };
  ecdsa: EcdsaConstructor;
}

/** The SDK's native SHA-256, P-256 and ECDSA. */
export class NativeCrypto implements Crypto {
  readonly #load: <Name extends keyof NativeModules>(name: Name) => NativeModules[Name];

  /** @param load gives a module; it is called at each use, since most wakes use none. */
  constructor(load: <Name extends keyof NativeModules>(name: Name) => NativeModules[Name]) {
    this.#load = load;
  }

  sha256() {
    const { Digest } = this.#load("crypt");
    const hash = new Digest("SHA256");
    return {
      update: (bytes: ByteBuffer) => hash.write(bytes),
      digest: () => new Uint8Array(hash.close()),
    };
  }

  verifyES256(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const bytes = new Uint8Array(key.length + 1);
    bytes[0] = UNCOMPRESSED;
    bytes.set(key, 1);
    const Curve = this.#load("curve");
    const Ecdsa = this.#load("ecdsa");
    const verifier = new Ecdsa(this.#load("ecp").fromOctetString(bytes), new Curve(P256));
    const hash = this.sha256();
    hash.update(message);
    return verifier.verify(hash.digest().buffer as ArrayBuffer, signature.slice().buffer);
  }
}
