// Prints a fresh key pair as JSON: `rsa` or `ed25519`, for an account of a simulated venue.

import { generateKeyPairSync } from "node:crypto";

const kind = process.argv[2];
const options = kind === "rsa" ? { modulusLength: 2048 } : {};
const { publicKey, privateKey } = generateKeyPairSync(kind, {
  ...options,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
console.log(JSON.stringify({ public: publicKey, private: privateKey }));
