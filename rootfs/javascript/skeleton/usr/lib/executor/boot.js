// Loaded ahead of the program (node --require): says that the interpreter stands, waits for the program, puts it where
// node looks for it next. From there on everything is as `node main.js` does it, traces and exit status included.
//
// Standard input begins with a 32-bit length and an archive of that size: source, arguments, paths of files, their
// contents (strings and lists with a 32-bit length in front). What follows is the program's own input. All integers are
// little-endian. A byte written to descriptor 3 says that the sandbox is ready.
"use strict";

const fs = require("fs");
const path = require("path");

const READY = 3;
const WORK = "/tmp";

function readExactly(size) {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size;) {
    const n = fs.readSync(0, bytes, at, size - at, null);
    if (n === 0) process.reallyExit(0); // the sandbox ends unused
    at += n;
  }
  return bytes;
}

function handOver() {
  const bytes = readExactly(readExactly(4).readUInt32LE());
  let at = 0;
  const number = () => bytes.readUInt32LE((at += 4) - 4);
  const blob = () => {
    const size = number();
    return bytes.subarray(at, (at += size));
  };
  const list = (item) => Array.from({ length: number() }, item);
  return { source: blob(), args: list(() => blob().toString()), paths: list(() => blob().toString()), contents: list(blob) };
}

function place(name, content, mode) {
  const file = path.join(WORK, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content, { mode, flag: "wx" });
}

// worker threads of the program load this as well
if (require("worker_threads").isMainThread) {
  require("./preload.js");
  delete require.cache[__filename];
  fs.writeSync(READY, ".");
  fs.closeSync(READY);
  const { source, args, paths, contents } = handOver();
  place("main.js", source, 0o644);
  paths.forEach((name, i) => place(name, contents[i], 0o444));
  process.argv.push(...args);
}
