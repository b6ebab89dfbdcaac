// Standard input, read as it comes, and output that waits until it is taken.
const assert = require("assert");
const readline = require("readline");

process.stdin.setEncoding("utf8");
assert.strictEqual(process.stdin.isTTY, undefined);
assert.strictEqual(process.stdout.columns, undefined);
const lines = readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on("close", () => {
  process.stderr.write("");
  process.stdout.write("o", () => process.stdout.end("k\n"));
});
