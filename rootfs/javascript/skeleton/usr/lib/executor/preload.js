// Loaded before every program (node --require). A write to a full pipe waits, as Node's documentation has it: nothing is lost
// at process.exit, nothing piles up. And what nearly every program touches is there before its time counts.
"use strict";

// worker threads of the program load this as well
if (require("worker_threads").isMainThread) {
  for (const stream of [process.stdout, process.stderr]) stream._handle.setBlocking(true);
  process.execArgv = [];
}
delete require.cache[__filename];
