"""Attempts in JavaScript: what Node puts into a stranger's hands, each with its exact outcome. Letters and numbers are
those of the cases that the Python programs try in the other files."""

import json
import os
import tempfile
import unittest

import executor_service
import must_run
import serve_checks

TOKEN = "security-token-1"
MIB = 1 << 20
# t(f): what f() comes to, an error's code or name where it throws
PRELUDE = """const fs = require("fs");
const t = (f) => { try { const r = f(); return r === undefined ? "done" : r; } catch (e) { return e.code ?? e.name; } };
"""


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    tokens = os.path.join(folder.name, "tokens")
    with open(tokens, "w", encoding="utf-8") as file:
        file.write(f"{TOKEN} ann\n")
    executor_service.start(EXECUTOR_API_TOKENS_FILE=tokens)


def strings(value):
    """Each string in it, however deep, that is no key."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings(each)


class JavaScriptCase(executor_service.HostCase):
    @classmethod
    def setUpClass(cls):
        executor_service.service.execute("1", language="javascript")  # its sandboxes are kept ready from here on
        super().setUpClass()

    def run_program(self, source, job=None, **test):
        return executor_service.service.execute(PRELUDE + source, [test], language="javascript", **(job or {}))[0]


class Containment(JavaScriptCase):
    def test_F01_nothing_of_the_root_can_be_changed(self):
        self.assert_prints("for (const p of ['/', '/usr', '/usr/bin', '/usr/lib/executor', '/usr/share/nodejs', '/dev'])\n"
                           "console.log(p, t(() => fs.writeFileSync(p + '/x', '')), t(() => fs.mkdirSync(p + '/x')), t(() => fs.chmodSync(p, 0o777)), t(() => fs.rmSync(p, {recursive: true})));\n"
                           "console.log(t(() => fs.appendFileSync('/usr/lib/executor/boot.js', ' ')), t(() => fs.truncateSync('/usr/bin/node')));",
                           "/ EROFS EROFS EROFS EBUSY\n" + "".join(f"{p} EROFS EROFS EROFS EROFS\n" for p in ("/usr", "/usr/bin", "/usr/lib/executor", "/usr/share/nodejs", "/dev")) + "EACCES EACCES\n")

    def test_F03_nothing_of_the_host_is_there(self):
        self.assert_prints("console.log(['/etc/shadow', '/root', '/home', '/run', '/var', '/proc', '/proc/self/mem', '/sys', '/dev/tty', '/dev/mem', '/dev/kmsg', '/dev/fd']"
                           ".map((p) => t(() => fs.statSync(p))).join(), fs.readdirSync('/dev').join(), t(() => fs.openSync('/dev/null', 'r+')) > 2);",
                           ",".join(["ENOENT"] * 12) + " null true\n")

    def test_F05_F06_F08_no_links_and_no_special_files(self):
        self.assert_prints("fs.writeFileSync('a', '');\nconsole.log(t(() => fs.symlinkSync('/etc/passwd', 'out')), t(() => fs.linkSync('a', 'b')), t(() => fs.chownSync('a', 0, 0)),"
                           " t(() => fs.lchownSync('a', 0, 0)), t(() => fs.chmodSync('a', 0o4755)));", "EPERM EPERM EPERM EPERM done\n")

    def test_P01_no_program_by_any_of_nodes_ways(self):
        self.assert_prints("const c = require('child_process'), node = process.execPath;\n"
                           "console.log(t(() => c.execFileSync(node)), t(() => c.execSync('id')), t(() => c.fork('main.js')), c.spawnSync(node).error.code);\n"
                           "const {Process} = process.binding('process_wrap');\nconsole.log(require('util').getSystemErrorName(new Process().spawn({file: node, args: [node], stdio: []})));\n",
                           "EPERM EPERM EPERM EPERM\nEPERM\n")

    def test_P01_no_code_of_its_own_from_its_directory(self):
        # the directory is mounted without exec
        self.assert_prints("fs.copyFileSync('/usr/lib/x86_64-linux-gnu/libz.so.1', 'addon.node');\nconsole.log(t(() => process.dlopen({exports: {}}, '/tmp/addon.node')), t(() => require('./addon.node')));\n"
                           "try { require('./addon.node') } catch (e) { console.log(e.message) }",
                           "ERR_DLOPEN_FAILED ERR_DLOPEN_FAILED\n/tmp/addon.node: failed to map segment from shared object\n")

    def test_P01_with_processes_its_directory_still_starts_nothing(self):
        self.assert_prints("fs.copyFileSync(process.execPath, 'node'); fs.chmodSync('node', 0o4755);\nconsole.log(require('child_process').spawnSync('./node').error.code);",
                           "EACCES\n", {"processes": True})

    def test_P03_no_signal_reaches_another(self):
        self.assert_prints("console.log([[1, 0], [1, 9], [-1, 9], [0, 9], [-2, 9], [3, 9], [2 ** 31 - 1, 9]].map(([p, s]) => t(() => process.kill(p, s))).join(),"
                           " t(() => process._debugProcess(1)));", ",".join(["EPERM"] * 7) + " EPERM\n")

    def test_P03_pid_1_cannot_be_signalled_where_signals_are_allowed(self):
        self.assert_prints("for (const s of ['SIGKILL', 'SIGTERM', 'SIGSTOP']) t(() => process.kill(1, s));\nsetTimeout(() => console.log('still'), 50);", "still\n",
                           {"processes": True})

    def test_P07_nobody_becomes_somebody(self):
        self.assert_prints("console.log(['setuid', 'setgid', 'seteuid', 'setegid'].map((f) => t(() => process[f](0))).join(), t(() => process.setgroups([0])), t(() => process.initgroups(0, 0)),"
                           " t(() => require('os').setPriority(-20)), process.getuid() === 65534);", "EPERM,EPERM,EPERM,EPERM EPERM EPERM ERR_SYSTEM_ERROR true\n")

    def test_P08_a_detached_child_does_not_outlive_its_program(self):
        result = self.run_program("require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1)'], {detached: true, stdio: 'inherit'}).unref(); console.log('end')",
                                  {"processes": True}, timeoutMs=20000)
        self.assertEqual((result["verdict"], result["stdout"], result["durationMs"] < 10000), ("accepted", "end\n", True))

    def test_N01_no_socket_and_no_inspector(self):
        result = self.run_program("const e = []; const note = (n) => (x) => e.push(n + ' ' + x.code);\nrequire('net').connect('/tmp/s').on('error', note('unix'));\n"
                           "require('net').createServer().on('error', note('listen')).listen('/tmp/s');\nrequire('dgram').createSocket('udp6').on('error', note('udp')).bind(0);\n"
                           "try { require('inspector').open(0) } catch (x) { note('inspector')(x) }\n"
                           "process.on('exit', () => console.log(e.sort().join(), require('inspector').url()));")
        self.assertEqual((result["stdout"], result["stderr"]), ("listen EPERM,udp EPERM,unix EPERM undefined\n", "Starting inspector on 127.0.0.1:0 failed: operation not permitted\n"))

    def test_N01_the_signal_that_opens_an_inspector_opens_none(self):
        result = self.run_program("process.kill(process.pid, 'SIGUSR1'); setTimeout(() => console.log(require('inspector').url()), 200);")
        self.assertEqual((result["verdict"], result["stdout"]), ("accepted", "undefined\n"))
        self.assertIn("operation not permitted", result["stderr"])

    def test_K_internals_give_no_more_than_the_filter(self):
        source = ("const {Worker} = require('worker_threads');\nconst w = new Worker(`const {internalBinding} = require('internal/test/binding');\n"
                  "const {TCP} = internalBinding('tcp_wrap'), {Pipe} = internalBinding('pipe_wrap'), {spawn} = internalBinding('spawn_sync');\n"
                  "require('worker_threads').parentPort.postMessage([new TCP(1).bind('127.0.0.1', 0), new Pipe(1).bind('/tmp/s'), spawn({file: process.execPath, args: ['x'], stdio: [{type: 'ignore'}, {type: 'ignore'}, {type: 'ignore'}]}).error]);`,\n"
                  "{eval: true, execArgv: ['--expose-internals']});\nw.on('message', (m) => console.log(m.join())).on('error', (e) => console.log(e.code));")
        result = self.run_program(source)
        self.assertEqual((result["verdict"], result["stdout"]), ("accepted", "-1,-1,-1\n"), result["stderr"])

    def test_L04_reports_and_snapshots_name_nothing_of_the_host(self):
        result = self.run_program("console.log(JSON.stringify([process.report.getReport(), require('os').hostname()]))")
        self.assert_verdict(result, "accepted")
        told = list(strings(json.loads(result["stdout"])))
        self.assertGreater(len(told), 20)
        self.assertNotIn(os.uname().nodename, told)
        directory = os.path.dirname(os.path.abspath(os.environ["EXECUTOR_BINARY"]))
        self.assertEqual([text for text in told if directory in text], [])


class Limits(JavaScriptCase):
    def test_R01_memory_of_every_form_is_counted(self):
        for source in ("const m = new WebAssembly.Memory({initial: 4096}); new Uint8Array(m.buffer).fill(1);", "new Uint8Array(new SharedArrayBuffer(512 << 20)).fill(1);",
                       "const k = []; for (;;) { const c = new MessageChannel(); c.port1.postMessage(new Uint8Array(1 << 20).fill(1)); k.push(c); }",
                       "const z = require('zlib').gzipSync(Buffer.alloc(512 << 20)); require('zlib').gunzipSync(z).fill(1);", "Buffer.alloc(400 << 20, 1)"):
            with self.subTest(source):
                result = self.run_program(source, memoryBytes=128 * MIB)
                self.assertEqual((result["verdict"], result["signal"]), ("memory_limit", "SIGKILL"), result["stderr"][-500:])

    def test_R02_reserved_address_space_costs_nothing(self):
        self.assert_prints("const m = []; for (let i = 0; i < 8; i++) m.push(new WebAssembly.Memory({initial: 1, maximum: 65536})); console.log(m.length)", "8\n", memoryBytes=128 * MIB)

    def test_R04_a_snapshot_meets_the_size_of_the_directory(self):
        self.assert_prints("console.log(t(() => { for (let i = 0; ; i++) fs.writeFileSync('f' + i, Buffer.alloc(1 << 20)); }), t(() => fs.writeFileSync('last', 'x'.repeat(1 << 16))));", "ENOSPC ENOSPC\n")

    def test_R10_no_callback_and_no_pattern_escapes_the_limit_of_cpu_time(self):
        for source in ("/^(a+)+$/.test('a'.repeat(60) + 'b')", "const l = () => Promise.resolve().then(l); l(); process.on('SIGTERM', () => {});",
                       "process.on('uncaughtException', () => { for (;;); }); throw 1;", "new FinalizationRegistry(() => {}); for (;;) new Array(1e4);"):
            with self.subTest(source):
                self.assert_verdict(self.run_program(source, timeoutMs=20000, cpuTimeMs=300), "cpu_time_limit")

    def test_R12_no_wait_escapes_the_limit_of_wall_time(self):
        wait = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)"
        for source in (wait, f"new (require('worker_threads').Worker)(`{wait}`, {{eval: true}})", "process.stdin.on('data', () => {}); setInterval(() => {}, 1e6)",
                       "process.on('exit', () => " + wait + ")"):
            with self.subTest(source):
                self.assert_verdict(self.run_program(source, timeoutMs=300), "wall_time_limit")

    def test_R19_a_crash_is_a_signal_and_never_an_internal_error(self):
        for source, signal in (("require('v8').setFlagsFromString('--allow-natives-syntax'); new Function('%SystemBreak()')()", "SIGTRAP"), ("process.abort()", "SIGABRT"),
                               ("process.kill(process.pid, 'SIGSEGV')", "SIGSEGV"), ("process.kill(process.pid, 'SIGKILL')", "SIGKILL"),
                               # what the kernel would send for a forbidden call, sent by the program itself, is none
                               ("process.kill(process.pid, 'SIGSYS')", "SIGSYS")):
            with self.subTest(source):
                result = self.run_program(source + "\nsetInterval(() => {}, 1000)")
                self.assertEqual((result["verdict"], result["signal"], result.get("violation")), ("runtime_error", signal, None), result)

    def test_R24_input_that_nobody_reads_blocks_nobody(self):
        self.assert_prints("console.log('x'); process.exit(0)", "x\n", stdin="y" * (MIB - 1000))

    def test_A14_deep_and_long_sources_are_errors_and_no_crash(self):
        for source in ("(" * 200_000, "[" * 100_000 + "]" * 100_000, "-" * 200_001 + "1", "a" + ".b" * 100_000, "`${" * 20_000, "/" + "(" * 100_000 + "/"):
            with self.subTest(source[:3]):
                result = self.run_program(source, timeoutMs=20000)
                self.assertEqual((result["verdict"], result["exitCode"], result["signal"]), ("runtime_error", 1, None), result["stderr"][:300])
        self.assert_prints("console.log(t(() => JSON.parse('['.repeat(1e6))), t(() => new RegExp('('.repeat(1e5))), t(() => eval('('.repeat(1e5))))",
                           "SyntaxError SyntaxError RangeError\n")


class Forgery(JavaScriptCase):
    SECRET = "hidden-expected-output-81d7"

    def wrong(self, source, stdout, **test):
        result = self.run_program(source, expectedStdout=self.SECRET, **test)
        self.assertEqual((result["verdict"], result["passed"], result["stdout"]), ("wrong_answer", False, stdout), result)

    def test_V04_a_forged_result_is_plain_output(self):
        forged = '{"verdict":"accepted","passed":true}\n'
        self.wrong(f"for (const fd of [0, 1, 2]) t(() => fs.writeSync(fd, {json.dumps(forged)})); process.stdout.write({json.dumps(forged)}); process.reallyExit(0)", forged * 2)

    def test_V04_a_closed_or_replaced_stream_is_only_its_own(self):
        self.wrong("fs.closeSync(1); t(() => console.log('accepted'))", "")
        self.wrong("process.stdout._handle.close(); console.log('accepted')", "")
        self.wrong("Object.defineProperty(process, 'stdout', {value: new (require('stream').Writable)({write(c, e, done) { done(); }})}); console.log('accepted')", "")

    def test_V05_expected_output_is_in_no_snapshot_of_its_heap(self):
        # its own source holds the needle in pieces
        result = self.run_program("const heap = fs.readFileSync(require('v8').writeHeapSnapshot('h'), 'latin1');\nconst needle = ['hidden', 'expected', 'output', '81d7'].join('-');\n"
                                  "console.log(heap.includes('writeHeapSnapshot'), heap.includes(needle))", expectedStdout=self.SECRET)
        self.assertEqual((result["verdict"], result["stdout"]), ("wrong_answer", "true false\n"), result)

    def test_V06_patches_change_only_the_program(self):
        self.wrong("JSON.stringify = String = Object.keys = () => 'accepted'; Object.prototype.passed = true; Object.prototype.verdict = 'accepted'; Array.prototype.join = () => '';\n"
                   "console.log('x')", "x\n")
        self.assert_prints("console.log({}.passed, JSON.stringify([1]))", "undefined [1]\n")

    def test_V14_nothing_goes_from_one_test_to_the_next(self):
        source = ("const seen = fs.readdirSync('/tmp').join(); fs.writeFileSync('/tmp/state', 'x'); globalThis.state = 1; process.env.STATE = 'x'; require('module').globalPaths.push('/tmp');\n"
                  "console.log(seen, typeof state, Object.keys(process.env).sort().join())")
        results = executor_service.service.execute(PRELUDE + source, [{}, {}, {}], language="javascript")
        self.assertEqual([r["stdout"] for r in results], ["main.js number HOME,LANG,PATH,STATE\n"] * 3)


class Solutions(JavaScriptCase):
    """POST /api/execute: the function is called inside the sandbox, by code that the program may do away with. What counts is what was printed."""

    def ask(self, code, *cases, language="javascript"):
        body = {"code": code, "language": language, "testCases": [{"input": i, "expectedOutput": o} for i, o in cases]}
        bytes_ = serve_checks.post_bytes(body, "/api/execute", f"Authorization: Bearer {TOKEN}\r\n")
        status, _, text = serve_checks.ask_raw(executor_service.service.port, bytes_)
        self.assertEqual(status, 200, text)
        return json.loads(text)["results"]

    def hold(self, code, output, passed=False, language="javascript"):
        result, = self.ask(code, ("5", "10"), language=language)
        self.assertEqual((result["output"], result["passed"]), (output, passed), result)

    def test_V06_whoever_replaces_the_caller_only_prints(self):
        self.hold("require('module')._load = () => () => process.stdout.write('{\"passed\":true}');", '{"passed":true}')
        self.hold("JSON.stringify = () => 'forged'; function solution() { return {} }", "forged")
        self.hold("process.stdout.write = () => true; function solution(n) { return n * 2 }", "")

    def test_V10_values_that_lie_are_what_they_print(self):
        self.hold("function solution() { return {toJSON() { return {passed: true} }} }", '{"passed":true}')
        self.hold("function solution() { return Symbol('10') }", "null")
        self.hold("function solution() { return Object.create(null, {passed: {value: true, enumerable: true}}) }", '{"passed":true}')
        self.hold("function solution() { return {then(r) { r('9'); r('10') }} }", "9")

    def test_V17_several_answers_are_none(self):
        self.hold("function solution(n) { console.log(10); return 10 }", "10\n10")
        self.hold("function solution(n) { process.on('exit', () => console.log('more')); return 10 }", "10\nmore")
        self.hold("def solution(n):\n    import atexit\n    atexit.register(print, 'more')\n    return 10", "10\nmore", language="python")

    def test_V19_what_is_returned_is_shown_by_fixed_rules_within_the_caps(self):
        for code, verdict, output in (("return (n for n in range(9))", "runtime_error", ""), ("a = []; a.append(a); return a", "runtime_error", ""), ("return b'10'", "runtime_error", ""),
                                      ("return float('nan')", "wrong_answer", "null"), ("return -0.0", "wrong_answer", "-0.0"), ("return 10 ** 99999", "wrong_answer", "1" + "0" * 99999),
                                      ("return type('L', (), {'__repr__': lambda s: '10'})()", "runtime_error", ""), ("return type('S', (str,), {'__str__': lambda s: '10'})('9')", "wrong_answer", "9"),
                                      ("return 'x' * 10 ** 7", "output_limit", None)):
            with self.subTest(code):
                result, = self.ask(f"def solution(n):\n    {code}", ("5", "10"), language="python")
                self.assertEqual((result["verdict"], result["passed"]), (verdict, False))
                self.assertIn(output, (result["output"], None))

    def test_V01_an_end_before_the_answer_is_none(self):
        self.hold("process.reallyExit(0)", "")
        self.hold("function solution() { process.reallyExit(0) }", "")
        self.hold("import os\nos._exit(0)", "", language="python")

    def test_V16_what_closes_the_source_does_not_close_the_test(self):
        # the input stands behind the program as a literal: nothing of it becomes code
        for given in ('"); process.stdout.write("10"); ("', "*/", "`${10}`", "\u2028\u2029", "\\", '\\"', "\n10", "${process.exit()}", "</script>", "\x00", "\x7f", "'''", '"""'):
            with self.subTest(given):
                for language, code in (("javascript", "function solution(...a) { return JSON.stringify([process.argv.length, a.length]) }"),
                                       ("python", "import sys\ndef solution(*a):\n    return [len(sys.argv) + 1, len(a)]")):
                    result, = self.ask(code, (given, "[2,1]"), language=language)
                    self.assertEqual((result["output"], result["passed"]), ("[2,1]", True), result)
        for code in ("/*", "function solution() { return 10", "`", "'", "// \u2028"):
            self.assertEqual([r["passed"] for r in self.ask(code, ("5", "10"))], [False])


if __name__ == "__main__":
    must_run.main()
