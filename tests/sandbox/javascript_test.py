"""JavaScript in real sandboxes: what a program gets, and what is said of its end."""

import json
import pathlib
import unittest

import executor_service
import serve_checks

MEBIBYTE = 1 << 20
USES = sorted((pathlib.Path(__file__).resolve().parents[1] / "programs/javascript").glob("*.js"))
# a module that adds two numbers
WASM = ("const code = Uint8Array.from([0,97,115,109,1,0,0,0,1,7,1,96,2,127,127,1,127,3,2,1,0,7,7,1,3,97,100,100,0,0,10,9,1,7,0,32,0,"
        "32,1,106,11]);\nconst add = new WebAssembly.Instance(new WebAssembly.Module(code)).exports.add;\n")


def setUpModule():
    executor_service.start()


class JavaScriptCase(executor_service.HostCase):
    @classmethod
    def setUpClass(cls):
        # its sandboxes are kept ready from the first program on
        executor_service.service.execute("1", language="javascript")
        super().setUpClass()

    def run_program(self, source, job=None, **test):
        return executor_service.service.execute(source, [test], language="javascript", **(job or {}))[0]

    def assert_error(self, source, text, code=1, **test):
        """The program ends with this status, and `text` on standard error."""
        result = self.run_program(source, **test)
        self.assertEqual((result["verdict"], result["exitCode"]), ("runtime_error", code), json.dumps(result)[:1500])
        self.assertIn(text, result["stderr"])
        return result


class Programs(JavaScriptCase):
    def test_a_program_reads_its_input_in_each_of_the_usual_ways(self):
        double = "console.log(Number(%s) * 2)"
        self.assert_prints(double % "require('fs').readFileSync(0, 'utf8')", "42\n", stdin="21\n")
        self.assert_prints("let t = ''; process.stdin.on('data', (d) => t += d).on('end', () => console.log(t.length))", "300000\n",
                           stdin="x" * 300000)
        self.assert_prints("const lines = require('readline').createInterface({input: process.stdin});\n"
                           "let sum = 0; lines.on('line', (l) => sum += Number(l)).on('close', () => console.log(sum));", "6\n", stdin="1\n2\n3")

    def test_it_is_the_main_program_as_node_would_have_started_it(self):
        self.assert_prints("console.log(JSON.stringify([process.argv, process.execArgv, require.main === module, __filename, process.cwd(),"
                           " Object.keys(require.cache), Object.keys(process.env).sort(), process.pid]))",
                           '[["/usr/bin/node","/tmp/main.js","a b","é"],[],true,"/tmp/main.js","/tmp",["/tmp/main.js"],["HOME","LANG","PATH"],2]\n',
                           args=["a b", "é"])

    def test_files_stand_beside_it_and_can_be_required(self):
        files = [{"path": "lib/add.js", "content": "exports.add = (a, b) => a + b;"}, {"path": "data.json", "content": '{"n": 40}'}]
        self.assert_prints("console.log(require('./lib/add').add(require('./data.json').n, 2));"
                           "try { require('fs').writeFileSync('data.json', ''); } catch (e) { console.log(e.code); }",
                           "42\nEACCES\n", {"files": files})

    def test_a_trace_begins_at_the_program_and_is_nodes_own(self):
        result = self.assert_error("function f() { null.x; }\nf();", "TypeError: Cannot read properties of null (reading 'x')\n"
                                   "    at f (/tmp/main.js:1:21)\n    at Object.<anonymous> (/tmp/main.js:2:1)\n    at Module._compile (node:")
        self.assertTrue(result["stderr"].startswith("/tmp/main.js:1\nfunction f() { null.x; }\n"), result["stderr"])
        self.assertNotIn("boot.js", result["stderr"])

    def test_compilers_workers_and_what_else_the_language_has_work(self):
        self.assert_prints("let s = 0; for (let i = 0; i < 3e7; i++) s = (s + i * i) % 1000003; console.log(s)", f"{self.expected_sum()}\n")
        self.assert_prints(WASM + "console.log(add(40, 2))", "42\n")
        self.assert_prints("const {Worker} = require('worker_threads');\nconst w = new Worker('require(\"worker_threads\").parentPort.postMessage(6 * 7)',"
                           " {eval: true});\nw.on('message', (m) => console.log(m)).on('exit', (c) => console.log('exit', c));", "42\nexit 0\n")
        self.assert_prints("console.log(eval('6 * 7'), new Intl.NumberFormat('de-DE').format(1234567.5), 'ẞ'.toLowerCase());"
                           "import('fs').then((fs) => console.log(typeof fs.readFileSync));", "42 1.234.567,5 ß\nfunction\n")
        self.assert_prints("const c = require('crypto'); console.log(c.createHash('sha256').update('').digest('hex').slice(0, 8), c.randomBytes(8).length);"
                           "c.randomBytes(8, (e, b) => console.log(b.length));", "e3b0c442 8\n8\n")

    @staticmethod
    def expected_sum():
        # the sum of squares has a closed form; modulo a prime it needs no loop
        n = 30_000_000 - 1
        return n * (n + 1) * (2 * n + 1) // 6 % 1000003

    def test_siblings_draw_different_random_numbers(self):
        source = "console.log(Math.random(), require('crypto').randomUUID(), new Date().getFullYear() > 2000)"
        printed = [self.run_program(source)["stdout"] for _ in range(4)]
        self.assertEqual(len(set(printed)), 4, printed)


class Uses(JavaScriptCase):
    """What real programs use of Node works behind its filter: tests/security/unused_rules.py says which rules they need."""

    def test_each_program_finds_what_it_needs(self):
        self.assertGreaterEqual(len(USES), 9)
        for path in USES:
            source = path.read_text(encoding="utf-8")
            with self.subTest(path.name):
                self.assert_prints(source, "ok\n", {"processes": "// processes" in source})


class Endings(JavaScriptCase):
    def test_exit_statuses_are_the_programs_own(self):
        self.assert_error("process.exit(3)", "", 3)
        self.assert_error("process.exitCode = 4; setTimeout(() => {}, 1)", "", 4)
        # what another program would mean by it counts for nothing
        self.assert_error("process.exit(137)", "", 137)
        self.assert_prints("process.on('exit', (c) => console.log('bye', c))", "bye 0\n")

    def test_an_exception_that_nobody_catches_is_a_runtime_error(self):
        self.assert_error("throw new RangeError('too far')", "RangeError: too far\n    at Object.<anonymous> (/tmp/main.js:1:7)")
        self.assert_error("setTimeout(() => { throw new Error('later') }, 1)", "Error: later\n")
        self.assert_error("let let = 1", "SyntaxError: ")
        self.assert_error("function f() { f(); } f()", "RangeError: Maximum call stack size exceeded")

    def test_an_unhandled_rejection_is_a_runtime_error(self):
        self.assert_error("Promise.reject(new Error('nobody')); setInterval(() => {}, 1000)", "Error: nobody\n")
        self.assert_error("Promise.reject(7)", "ERR_UNHANDLED_REJECTION")

    def test_a_promise_that_never_settles_ends_when_nothing_is_left_to_do_as_in_node(self):
        self.assert_prints("new Promise(() => {}).then(() => console.log('no')); console.log('end')", "end\n")

    def test_a_solution_that_never_settles_is_told(self):
        result, = executor_service.service.execute("function solution() { return new Promise(() => {}) }", [{"expectedStdout": ""}],
                                                   language="javascript", entry="solution")
        self.assertEqual((result["verdict"], result["exitCode"], result["stderr"]),
                         ("runtime_error", 1, "Error: solution returned a promise that is never settled\n"))

    def test_signals_are_named(self):
        for source, signal in (("process.abort()", "SIGABRT"), ("process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 9)", "SIGTERM")):
            result = self.run_program(source)
            self.assertEqual((result["verdict"], result["signal"], result["exitCode"]), ("runtime_error", signal, None), result)


class Limits(JavaScriptCase):
    def test_an_endless_loop_is_ended_in_every_thread(self):
        loop = "while (true);"
        worker = "new (require('worker_threads').Worker)('while (true);', {eval: true})"
        for source in (loop, worker, "(async () => { for (;;) await null; })()", "process.on('exit', () => { while (true); })"):
            result = self.run_program(source, timeoutMs=20000, cpuTimeMs=300)
            self.assertEqual((result["verdict"], result["timedOut"]), ("cpu_time_limit", True), source)

    def test_waiting_for_ever_is_the_limit_of_wall_time(self):
        for source in ("setInterval(() => {}, 1000)", "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)"):
            result = self.run_program(source, timeoutMs=400)
            self.assertEqual((result["verdict"], result["timedOut"]), ("wall_time_limit", True), source)

    def test_a_heap_without_end_is_the_limit_of_memory(self):
        for source in ("const a = []; for (;;) a.push({n: a.length, s: String(a.length)})", "const a = []; for (;;) a.push('x'.repeat(1e6) + a.length)",
                       "const a = []; for (;;) a.push(Buffer.alloc(1e6, 1))", "let s = 'x'; const a = []; for (;;) a.push(new Array(1e5).fill(a.length))",
                       "new (require('worker_threads').Worker)('const a = []; for (;;) a.push(new Array(1e5).fill(1.5))', {eval: true})"):
            result = self.run_program(source, memoryBytes=96 * MEBIBYTE)
            self.assertEqual((result["verdict"], result["signal"]), ("memory_limit", "SIGKILL"), source)

    def test_a_limit_below_what_the_interpreter_takes_is_the_limit_of_memory(self):
        self.assert_verdict(self.run_program("console.log(1)", memoryBytes=4 * MEBIBYTE), "memory_limit")

    def test_garbage_is_no_use_of_memory(self):
        self.assert_prints("const live = []; for (let i = 0; i < 3e6; i++) live[i % 200000] = {i, s: [i]}; console.log(live.length)", "200000\n",
                           memoryBytes=128 * MEBIBYTE)

    def test_who_pretends_to_have_run_out_of_memory_has_a_runtime_error(self):
        result = self.run_program("process.stderr.write('FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\\n');"
                                  "process.abort()")
        self.assertEqual((result["verdict"], result["signal"]), ("runtime_error", "SIGABRT"))

    def test_output_without_end_is_the_limit_of_output(self):
        self.assert_verdict(self.run_program("for (;;) console.log('x'.repeat(1000))"), "output_limit")

    def test_nothing_that_was_printed_is_lost_at_the_exit(self):
        result = self.run_program("for (let i = 0; i < 9000; i++) console.log('x'.repeat(99)); process.exit()")
        self.assertEqual((result["verdict"], len(result["stdout"])), ("accepted", 900000))

    def test_threads_without_end_meet_the_limit_of_processes(self):
        source = ("const {Worker} = require('worker_threads'); let n = 0;\nconst more = () => { const w = new Worker('setInterval(() => {}, 1e6)', {eval: true});\n"
                  "w.on('online', () => { n++; more(); }); w.on('error', (e) => { console.log(e.code, n < 64); process.exit(); }); };\nmore();")
        result = self.run_program(source, memoryBytes=256 * MEBIBYTE)
        # the threads run out, or the memory that each of them takes
        self.assertIn((result["verdict"], result["stdout"]), (("accepted", "ERR_WORKER_INIT_FAILED true\n"), ("memory_limit", ""),
                                                              ("runtime_error", "")), result)


class Walls(JavaScriptCase):
    def test_nothing_but_its_own_directory_can_be_written(self):
        self.assert_prints("const fs = require('fs'); const t = (f) => { try { f(); return 'done'; } catch (e) { return e.code; } };\n"
                           "console.log(t(() => fs.writeFileSync('/x', '')), t(() => fs.writeFileSync('/usr/bin/node', '')), t(() => fs.readdirSync('/proc')),"
                           " t(() => fs.writeFileSync('x', '')), fs.readdirSync('/').join(), fs.readdirSync('/usr/bin').join());",
                           "EROFS EROFS ENOENT done dev,etc,lib,lib64,tmp,usr node\n")

    def test_no_socket_and_no_process_can_be_made(self):
        self.assert_prints("require('net').connect(80, '127.0.0.1').on('error', (e) => console.log(e.code));"
                           "require('net').createServer().on('error', (e) => console.log(e.code)).listen(8080);", "EPERM\nEPERM\n")
        self.assert_prints("const r = require('child_process').spawnSync('/usr/bin/node', ['-v']); console.log(r.error.code)", "EPERM\n")

    def test_with_processes_node_may_start_node(self):
        self.assert_prints("const r = require('child_process').spawnSync(process.execPath, ['-p', '6 * 7']); console.log(String(r.stdout), r.status)",
                           "42\n 0\n", {"processes": True})
        self.assert_prints("try { require('child_process').execSync('true') } catch (e) { console.log(e.code) }", "ENOENT\n", {"processes": True})

    def test_the_descriptors_that_a_program_finds_open_are_nodes_own(self):
        self.assert_prints("const fs = require('fs'); let open = []; for (let fd = 0; fd < 4; fd++) try { fs.fstatSync(fd); open.push(fd) } catch {}\n"
                           "console.log(open.join())", "0,1,2\n")

    def test_sandboxes_are_ready_before_their_programs(self):
        def hits():
            return serve_checks.metrics(executor_service.service)["executor_warm_pool_hits_total"]

        executor_service.service.steady_level()
        before = hits()
        for _ in range(3):
            self.assert_prints("console.log(1)", "1\n")
        self.assertTrue(executor_service.wait_until(lambda: hits() >= before + 3, 5), (before, hits()))


if __name__ == "__main__":
    unittest.main()
