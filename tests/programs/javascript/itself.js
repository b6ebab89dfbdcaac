// What a program asks about itself and where it runs.
const assert = require("assert");
const os = require("os");

assert.strictEqual(process.pid, 2);
assert.ok(process.ppid >= 0);
assert.deepStrictEqual(process.getgroups().filter((group) => group === 0), []);
assert.strictEqual(process.geteuid(), process.getuid());
assert.strictEqual(process.getegid(), process.getgid());
assert.ok(process.resourceUsage().maxRSS > 0);
assert.ok(process.cpuUsage().user >= 0);
assert.ok(!os.availableParallelism || os.availableParallelism() > 0);
assert.ok(os.totalmem() > 0 && os.uptime() > 0 && os.loadavg().length === 3);
assert.ok(os.hostname() && os.release() && os.version());
try { assert.ok(os.userInfo().uid > 0); } catch (error) { assert.strictEqual(error.code, "ENOENT"); }
process.title = "renamed";
console.log("ok");
