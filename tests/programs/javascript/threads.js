// Worker threads that speak by messages and by shared memory.
const assert = require("assert");
const { Worker, MessageChannel } = require("worker_threads");

const source = `
const { workerData, parentPort, threadId } = require("worker_threads");
const cells = new Int32Array(workerData.shared);
Atomics.add(cells, 0, 1);
Atomics.notify(cells, 0);
Atomics.wait(cells, 1, 0, 5000);
parentPort.on("message", ({ port, n }) => { port.postMessage(n * n); parentPort.close(); });
parentPort.postMessage("ready");
`;
const shared = new SharedArrayBuffer(8);
const cells = new Int32Array(shared);
const answers = [];
for (let n = 0; n < 3; n++) {
  const worker = new Worker(source, { eval: true, workerData: { shared }, resourceLimits: { maxOldGenerationSizeMb: 32 } });
  const { port1, port2 } = new MessageChannel();
  port1.on("message", (m) => { answers.push(m); port1.close(); });
  worker.on("message", () => worker.postMessage({ port: port2, n }, [port2]));
}
setTimeout(() => { Atomics.store(cells, 1, 1); Atomics.notify(cells, 1); }, 30);
process.on("exit", () => {
  assert.deepStrictEqual(answers.sort(), [0, 1, 4]);
  assert.strictEqual(cells[0], 3);
  console.log("ok");
});
