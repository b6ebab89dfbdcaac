// The same with promises, callbacks and streams: through the threads of the event loop.
const fs = require("fs");
const assert = require("assert");
const { pipeline } = require("stream/promises");

(async () => {
  await fs.promises.mkdir("p/q", { recursive: true });
  const file = await fs.promises.open("p/f", "w+");
  await file.write("hello ");
  await file.writeFile("world");
  await file.writev([Buffer.from("!"), Buffer.from("?")]);
  await file.appendFile(".");
  await file.sync();
  await file.datasync();
  await file.chmod(0o600);
  await file.utimes(5, 6);
  await file.truncate(11);
  assert.strictEqual((await file.stat()).size, 11);
  const { bytesRead, buffer } = await file.read(Buffer.alloc(5), 0, 5, 6);
  assert.strictEqual(buffer.toString("utf8", 0, bytesRead), "world");
  await file.readv([Buffer.alloc(2)], 0);
  await file.close();
  await pipeline(fs.createReadStream("p/f", { highWaterMark: 2 }), fs.createWriteStream("p/g"));
  assert.strictEqual(await fs.promises.readFile("p/g", "utf8"), "hello world");
  await fs.promises.copyFile("p/g", "p/q/h");
  await fs.promises.rename("p/q/h", "p/h");
  await fs.promises.access("p/h");
  assert.deepStrictEqual((await fs.promises.readdir("p", { withFileTypes: true })).map((e) => e.name).sort(), ["f", "g", "h", "q"]);
  for await (const entry of await fs.promises.opendir("p")) assert.ok(entry.name);
  await new Promise((done) => fs.stat("p/h", (error, stat) => { assert.strictEqual(stat.size, 11); done(error); }));
  await assert.rejects(fs.promises.lstat("nothing"), { code: "ENOENT" });
  await fs.promises.rm("p", { recursive: true });
  assert.throws(() => fs.watch("."), { code: "EPERM" });
  fs.watchFile("nothing", { interval: 5 }, () => {});
  setTimeout(() => { fs.unwatchFile("nothing"); console.log("ok"); }, 20);
})();
