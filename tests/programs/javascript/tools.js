// What stands beside the language: coverage, profiles, hooks, tests of its own.
const assert = require("assert");
const { AsyncLocalStorage } = require("async_hooks");
const { PerformanceObserver, performance, monitorEventLoopDelay } = require("perf_hooks");
const inspector = require("inspector");
const v8 = require("v8");

const session = new inspector.Session();
session.connect();
session.post("Profiler.enable");
session.post("Profiler.start");
for (let i = 0; i < 1e6; i++);
session.post("Profiler.stop", (error, { profile }) => assert.ok(profile.nodes.length > 0));
session.disconnect();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
new PerformanceObserver((list) => assert.ok(list.getEntries().length)).observe({ entryTypes: ["measure"] });
performance.mark("a");
performance.measure("b", "a");
v8.setFlagsFromString("--expose-gc");
require("vm").runInNewContext("gc")();
assert.ok(v8.getHeapSpaceStatistics().length > 3);
v8.writeHeapSnapshot("heap");
assert.ok(require("fs").statSync("heap").size > 1e6);
new AsyncLocalStorage().run(1, () => setTimeout(() => {
  delay.disable();
  console.log("ok");
}, 20));
