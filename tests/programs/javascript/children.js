// processes
// A Node that starts Nodes: with pipes, with a channel, to the end and to a kill.
const assert = require("assert");
const { execFile, execFileSync, fork, spawn, spawnSync } = require("child_process");
const fs = require("fs");

assert.strictEqual(execFileSync(process.execPath, ["-p", "6 * 7"]).toString(), "42\n");
assert.strictEqual(spawnSync(process.execPath, ["-e", "process.exit(3)"]).status, 3);
assert.strictEqual(spawnSync(process.execPath, ["-e", "console.error(4)"], { stdio: ["ignore", 2, "pipe"] }).stderr.toString(), "4\n");
assert.strictEqual(spawnSync(process.execPath, ["-e", ""], { stdio: "inherit" }).status, 0);
assert.strictEqual(spawnSync(process.execPath, ["-e", ""], { stdio: ["ignore", "ignore", 1] }).status, 0);
assert.strictEqual(spawnSync("/usr/bin/sh", ["-c", "true"]).error.code, "ENOENT");
execFile(process.execPath, ["-e", "process.stdin.pipe(process.stdout)"], (error, out) => assert.strictEqual(out, "echo")).stdin.end("echo");
fs.writeFileSync("child.js", "process.on('message', (m) => { process.send(m + 1); process.disconnect(); })");
const child = fork("./child.js");
child.on("message", (m) => assert.strictEqual(m, 42)).send(41);
const sleeper = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: ["ignore", "pipe", "inherit"] });
sleeper.on("exit", (code, signal) => {
  assert.strictEqual(signal, "SIGTERM");
  process.on("exit", () => console.log("ok"));
});
setTimeout(() => sleeper.kill(), 300);
