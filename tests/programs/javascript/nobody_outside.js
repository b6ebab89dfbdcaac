// Who reaches for the network hears of it as an error, and goes on.
const assert = require("assert");
const errors = [];
const note = (name) => (error) => errors.push(name + " " + error.code);

require("net").connect(80, "127.0.0.1").on("error", note("connect"));
require("net").createServer().on("error", note("listen")).listen(0);
require("http").get("http://127.0.0.1/").on("error", note("http"));
require("dns").lookup("example.org", note("lookup"));
try { require("dgram").createSocket("udp4").bind(0).on("error", note("dgram")); } catch (error) { note("dgram")(error); }
fetch("http://127.0.0.1/").catch((error) => note("fetch")(error.cause));
process.on("exit", () => {
  assert.deepStrictEqual(errors.sort(), ["connect EPERM", "dgram EPERM", "fetch EPERM", "http EPERM", "listen EPERM", "lookup EAI_AGAIN"]);
  console.log("ok");
});
