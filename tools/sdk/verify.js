// check-sdk.mjs puts CASES before this and has the SDK build it: key, message, digest and signature of each as bytes.
import Modules from "modules";
import { NativeCrypto } from "native-crypto";

const crypto = new NativeCrypto((name) => Modules.importNow(name));

/** A view that does not begin where its buffer does, as the firmware hands them over. */
function view(bytes) {
  return Uint8Array.of(0, ...bytes, 0).subarray(1, 1 + bytes.length);
}

function flipped(bytes) {
  const copy = bytes.slice();
  copy[copy.length >> 1] ^= 1;
  return copy;
}

let verified = 0;
let refused = 0;
for (const each of CASES) {
  const [key, message, digest, signature] = each.map(view);
  const hash = crypto.sha256();
  hash.update(message.subarray(0, 1));
  hash.update(message.subarray(1));
  const isSame = hash.digest().every((byte, index) => byte === digest[index]);
  if (isSame && crypto.verifyES256(key, message, signature)) verified++;
  if (!crypto.verifyES256(key, message, flipped(signature))) refused++;
  if (!crypto.verifyES256(key, flipped(message), signature)) refused++;
}
trace(`verified ${verified} refused ${refused}\n`);
