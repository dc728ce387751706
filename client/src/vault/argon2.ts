/** Argon2id without the rest of its library: a file that the app fetches with the first PIN or passphrase. */
export { argon2id } from "hash-wasm";
