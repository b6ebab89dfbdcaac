// What a program computes with: compilers, large heaps, hashes, compression, languages, WebAssembly.
const assert = require("assert");
const crypto = require("crypto");
const zlib = require("zlib");
const { promisify } = require("util");

function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
assert.strictEqual(fib(25), 75025);
for (let round = 0; round < 4; round++) {
  const kept = [];
  for (let i = 0; i < 200_000; i++) kept.push({ i, text: "n" + i, list: [i] });
  assert.strictEqual(kept[1234].list[0], 1234);
  assert.strictEqual(new Float64Array(2_000_000).fill(1).reduce((a, b) => a + b), 2_000_000);
}
const big = Buffer.alloc(4 << 20, "abc");
assert.strictEqual(zlib.gunzipSync(zlib.gzipSync(big)).length, big.length);
assert.strictEqual(zlib.brotliDecompressSync(zlib.brotliCompressSync("text")).toString(), "text");
assert.strictEqual(crypto.createHash("md5").update("").digest("hex"), "d41d8cd98f00b204e9800998ecf8427e");
assert.strictEqual(crypto.createHmac("sha1", "k").update("d").digest().length, 20);
assert.strictEqual(crypto.scryptSync("p", "s", 32).length, 32);
assert.strictEqual(crypto.randomUUID().length, 36);
const { publicKey, privateKey } = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
assert.ok(crypto.verify("sha256", Buffer.from("x"), publicKey, crypto.sign("sha256", Buffer.from("x"), privateKey)));
const cipher = crypto.createCipheriv("aes-256-gcm", Buffer.alloc(32), Buffer.alloc(12));
assert.strictEqual(cipher.update("abc", "utf8", "hex").length, 6);
assert.strictEqual(new Intl.DateTimeFormat("fr", { month: "long", timeZone: "UTC" }).format(0), "janvier");
assert.strictEqual(["z", "ä", "a"].sort(new Intl.Collator("de").compare).join(""), "aäz");
assert.strictEqual(new TextDecoder("utf-16le").decode(new Uint8Array([97, 0])), "a");
assert.deepStrictEqual(structuredClone(new Map([[1, { a: 2 }]])).get(1), { a: 2 });
assert.strictEqual(require("vm").runInNewContext("a + 1", { a: 1 }), 2);
assert.strictEqual(require("v8").deserialize(require("v8").serialize([1])).length, 1);
assert.ok(WebAssembly.validate(Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0])));
const memory = new WebAssembly.Memory({ initial: 4, maximum: 64 });
memory.grow(8);
(async () => {
  await promisify(crypto.pbkdf2)("p", "s", 1000, 32, "sha512");
  await Promise.all(Array.from({ length: 8 }, () => promisify(zlib.deflate)(big)));
  assert.ok((await import("node:path")).join);
  console.log("ok");
})();
