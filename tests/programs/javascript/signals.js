// Signals that a program sends itself, timers, and the order of what is left to do.
const assert = require("assert");

const seen = [];
process.on("SIGUSR2", () => { seen.push("signal"); clearInterval(waiting); });
const waiting = setInterval(() => {}, 1000);
assert.strictEqual(process.kill(process.pid, 0), true);
process.kill(process.pid, "SIGUSR2");
assert.throws(() => process.kill(1, 0), { code: "EPERM" });
setImmediate(() => seen.push("immediate"));
setTimeout(() => seen.push("timeout"), 2).unref();
queueMicrotask(() => seen.push("micro"));
process.nextTick(() => seen.push("tick"));
require("timers/promises").setTimeout(15).then(() => seen.push("later"));
process.on("exit", () => {
  assert.deepStrictEqual([seen[0], seen[1]], ["tick", "micro"]);
  assert.deepStrictEqual(seen.slice(2).sort(), ["immediate", "later", "signal", "timeout"]);
  console.log("ok");
});
