#!/usr/bin/python3
"""Breaks one layer after the other, in a copy of the tree, and shows which named test catches it.

    mutate.py FOLDER [NAME…]          FOLDER becomes a copy of this tree; NAME chooses some of the mutations

The copy is mounted over this tree for this program alone (a mount namespace of its own; root is needed), so that what
build/release holds already is not built again: each mutation is a small build and one test. By hand. Prints the table of
docs/mutations.md. Exit status 0 when every mutation was caught by the test that it names, and every such test passes in
the tree as it is.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("cmake", "examples", "include", "rootfs", "scripts", "seccomp-profiles", "src", "tests", "docs", "bench", "CMakeLists.txt", "CMakePresets.json", "README.md",
          "build/release", "build/rootfs")
SECONDS = 240
INSIDE = "--inside"

# name: what is broken; (file, text, replacement)…; the test that must fail: a file of tests/security or tests/sandbox
MUTATIONS = {
    "filter not loaded": ([("src/zygote/python_zygote.cpp", "const int listener = sys::raw::load_filter(filter.data(), static_cast<unsigned short>(filter.size()),\n"
                            "                                             SECCOMP_FILTER_FLAG_NEW_LISTENER);", "const int listener = ::dup(0);\n  (void)filter;")],
                          "security/privileges_test.py Networks.test_N01_there_is_no_socket_of_any_family"),
    "pivot_root skipped": ([("src/sandbox/init.cpp", "require(enter_root(plan.root), Stage::init_pivot_root);", "require(::chdir(plan.root) == 0, Stage::init_pivot_root);"),
                            ("src/sandbox/init.cpp", "require(detach_old_root(), Stage::init_detach_old_root);", ""), ("src/sandbox/init.cpp", "require(check_root(), Stage::init_check_root);", "")],
                           "security/filesystem_test.py Filesystem.test_F11_there_is_no_way_above_the_root"),
    "a descriptor leaked": ([("src/sandbox/payload.cpp", "return sys::raw::close_range(kPayloadReport + 1, ~0U, 0) == 0;",
                              "::fcntl(2, F_DUPFD, 900);\n  return sys::raw::close_range(kPayloadReport + 1, 800, 0) == 0;")],
                            "security/zygote_test.py Siblings.test_Z02_nothing_is_inherited_beyond_the_three_streams"),
    "a capability kept": ([("src/sandbox/privileges.cpp", "  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 || cap_set_proc(empty) != 0)\n    return false;\n",
                           "  return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0;\n")],
                          "security/privileges_test.py Processes.test_P06_every_process_of_a_sandbox_is_filtered_as_seen_from_the_host"),
    "no_new_privs missing": ([("src/sandbox/privileges.cpp", "return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;", "return true;")],
                             "security/privileges_test.py Processes.test_P06_every_process_of_a_sandbox_is_filtered_as_seen_from_the_host"),
    "memory limit unset": ([("src/cgroup/v1.cpp", "    if (limits.memory_max != limits_.memory_max)\n      if (auto r = set_memory(std::to_string(limits.memory_max)); !r) return r;\n", ""),
                            ("src/cgroup/v2.cpp", "    if (auto r = sys::write_file_at(fd, \"memory.max\", std::to_string(limits.memory_max)); !r) return r;\n", "")],
                           "security/resources_test.py Memory.test_R01_memory_is_limited_by_the_oom_counter"),
    "OOM read as exit 137": ([("src/supervisor/sandbox.cpp", "} else if (usage && usage->oom_kills > 0) {", "} else if (outcome.signal == SIGKILL || outcome.exit_code == 137) {")],
                             "security/resources_test.py Memory.test_R01_a_kill_of_its_own_is_no_memory_verdict"),
    "network namespace shared": ([("src/sandbox/init.cpp", "CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC", "CLONE_NEWNS | CLONE_NEWIPC"),
                                  ("seccomp-profiles/supervisor.json", '{"names": ["unshare"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1275199488, "op": "SCMP_CMP_EQ"}]',
                                   '{"names": ["unshare"], "action": "SCMP_ACT_ALLOW"')],
                                 "security/privileges_test.py TwoAtOnce.test_N06_each_sandbox_has_an_id_and_namespaces_of_its_own"),
    "init dumpable": ([("src/sandbox/init.cpp", "require(become_undumpable(), Stage::init_not_dumpable);",
                        "require(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, Stage::init_not_dumpable);")],
                      "security/privileges_test.py Processes.test_P06_no_process_of_a_sandbox_is_dumpable"),
    # the zygote loads no module with random state, so that one is loaded here
    "re-seeding skipped": ([("src/zygote/interpreter.cpp", "  PyOS_AfterFork_Child();\n  PyGC_Enable();", "  PyGC_Enable();"),
                            ("src/zygote/interpreter.cpp", "  prepend_work_directory();\n\n", "  prepend_work_directory();\n  Py_XDECREF(PyImport_ImportModule(\"random\"));\n\n")],
                           "security/leaks_test.py Leaks.test_L10_a_thousand_siblings_draw_different_numbers"),
    "filter not loaded, and nobody looks": ([("src/seccomp/filter.cpp", "  auto instructions = exported(context);\n",
                                              "  auto instructions = exported(context);\n  if (kill_mode != KillMode::kill && instructions)\n"
                                              "    return std::vector<sock_filter>{BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};\n")],
                                            "security/privileges_test.py Networks.test_N01_there_is_no_socket_of_any_family"),
    "old root not detached": ([("src/sandbox/init.cpp", "require(detach_old_root(), Stage::init_detach_old_root);", "require(::chdir(\"/\") == 0, Stage::init_detach_old_root);")],
                              "security/filesystem_test.py Filesystem.test_F11_there_is_no_way_above_the_root"),
    "init keeps its capabilities": ([("src/sandbox/init.cpp", "require(drop_capabilities(plan.no_capabilities), Stage::init_capabilities);", "")],
                                    "security/privileges_test.py Processes.test_P06_every_process_of_a_sandbox_is_filtered_as_seen_from_the_host"),
    "process limit unset": ([("src/cgroup/v1.cpp", "    const auto pids_max = std::to_string(limits.pids_max);", "    const std::string pids_max = \"max\";"),
                             ("src/cgroup/v2.cpp", "std::to_string(limits.pids_max + kInit)", "\"max\"")],
                            "security/resources_test.py Processes.test_R03_threads_are_counted"),
    "one id for all sandboxes": ([("src/supervisor/builder.cpp", "std::uint32_t payload_id(std::uint32_t slot) { return 2 + 2 * slot; }", "std::uint32_t payload_id(std::uint32_t) { return 2; }")],
                                 "security/privileges_test.py TwoAtOnce.test_N06_each_sandbox_has_an_id_and_namespaces_of_its_own"),
    "root file system writable": ([("src/sandbox/mounts.cpp", "kReadOnly | MOUNT_ATTR_NODEV", "MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV")],
                                  "security/filesystem_test.py Filesystem.test_F01_the_root_file_system_is_read_only"),
    "work directory executable": ([("src/sandbox/mounts.cpp", "\"tmpfs\", MS_NOSUID | MS_NODEV | MS_NOEXEC, options", "\"tmpfs\", MS_NOSUID | MS_NODEV, options")],
                                  "security/filesystem_test.py Filesystem.test_F10_set_user_id_bits_have_no_effect"),
    "memory of the profile writable and executable": ([("seccomp-profiles/python.json", '{"names": ["mprotect"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 2, "value": 4, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]',
                                                        '{"names": ["mprotect"], "action": "SCMP_ACT_ALLOW"')],
                                                      "security/kernel_surface_test.py Families.test_K15_no_memory_is_writable_and_executable"),
    "front not confined": ([("src/app/serve_command.cpp", "if (auto entered = confinement->enter(); !entered)", "if (auto entered = Result<void>(); !entered)")],
                           "security/confinement_test.py Confinement.test_the_front_has_a_filter_in_every_thread"),
    "supervisor not confined": ([("src/supervisor/main.cpp", "if (sys::raw::load_filter(filter->data(), static_cast<unsigned short>(filter->size()), 0) != 0)", "if (filter->empty())")],
                                "security/confinement_test.py Confinement.test_supervisor_and_zygote_have_a_filter"),
    "filter of an executed interpreter not loaded": ([("src/zygote/exec_zygote.cpp",
                                                       "const int listener = sys::raw::load_filter(filter.data(), static_cast<unsigned short>(filter.size()),\n"
                                                       "                                             SECCOMP_FILTER_FLAG_NEW_LISTENER);", "const int listener = ::dup(0);\n  (void)filter;")],
                                                     "security/javascript_test.py Containment.test_P01_no_program_by_any_of_nodes_ways"),
    "every exec of an interpreter let go on": ([("src/supervisor/service_run.cpp", "std::exchange(sandbox.may_execute, false)", "sandbox.may_execute")],
                                               "security/node_surface_test.py NodeSweep.test_K01_every_forbidden_call_is_the_end_and_is_named"),
    "Node's threads may be processes": ([("seccomp-profiles/node.json", '{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 4001536, "op": "SCMP_CMP_EQ"}]',
                                          '{"names": ["clone"], "action": "SCMP_ACT_ALLOW"')],
                                        "security/node_surface_test.py NodeArguments.test_K03_a_thread_is_made_as_pthread_create_makes_it_and_not_otherwise"),
    "processes may be made for the supervisor": ([("seccomp-profiles/python-processes.json", '"value": 4269977600', '"value": 4269944832')],
                                                 "security/privileges_test.py Processes.test_P08_no_process_can_be_made_its_maker_s_parent_s"),
    "what a program leaves behind goes on": ([("src/supervisor/service_run.cpp", "    // whatever it left behind may still write: all of it is ended, and then read to the end\n    sandbox.kill();\n", "")],
                                             "security/privileges_test.py Processes.test_P08_what_a_program_leaves_behind_says_nothing_more"),
    "process 1 of a container dumpable": ([("src/backend/bootstrap/bootstrap.cpp", "::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)", "::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)")],
                                          "integration/backends_test.py Docker.test_what_started_it_cannot_be_looked_into"),
    "filter of a container's program not loaded": ([("src/backend/bootstrap/bootstrap.cpp", "if (bytes.empty()) return true;", "if (environment != nullptr) return true;")],
                                                   "integration/backends_test.py Docker.test_a_program_has_both_filters_and_no_capability"),
}


def enter_copy(folder, arguments):
    """Copies this tree, mounts the copy over it, and starts this program there again."""
    for name in COPIED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        subprocess.run(["cp", "-a", str(ROOT / name), str(folder / name)], check=True)
    mount = 'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, "sh", str(folder), str(ROOT), sys.executable, "-B", str(Path(__file__).resolve()), INSIDE, *arguments]
    return subprocess.run(command, check=False).returncode


def build(folder):
    targets = ["executor", "node_call"]
    return subprocess.run(["cmake", "--build", "build/release", "-j2", "--target", *targets], cwd=folder, capture_output=True, text=True, check=False)


def run_test(folder, test):
    """(passed, the last line that says what went wrong)."""
    path, case = test.split()
    environment = {**os.environ, "EXECUTOR_BINARY": str(folder / "build/release/executor"), "PYTHONPATH": str(folder / "tests/support"), "EXECUTOR_TESTS_MUST_RUN": "1",
                   "NODE_CALL": str(folder / "build/release/tests/security/call.node"),
                   "EXECUTOR_ROOTFS": str(ROOT / "build/rootfs/python")}
    done = subprocess.run([sys.executable, "-B", str(folder / "tests" / path), case], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    said = [line for line in done.stderr.splitlines() if re.match(r"(AssertionError|[\w.]+Error|executor_service\.\w+|executor serve)", line)]
    return done.returncode == 0, (said[-1] if said else "")[:160]


def main():
    if sys.argv[1] != INSIDE:
        sys.exit(enter_copy(Path(sys.argv[1]).resolve(), sys.argv[2:]))
    folder, chosen = ROOT, sys.argv[2:] or list(MUTATIONS)
    whole = build(folder)
    if whole.returncode != 0:
        sys.exit(whole.stdout[-2000:])
    wrong = []
    for test in sorted({MUTATIONS[name][1] for name in chosen}):
        if not run_test(folder, test)[0]:
            wrong.append(f"{test} fails in the tree as it is")
    print("| mutation | where | caught by | how |\n| --- | --- | --- | --- |", flush=True)
    for name in chosen:
        changes, test = MUTATIONS[name]
        before = {file: (folder / file).read_text(encoding="utf-8") for file, _, _ in changes}
        for file, text, replacement in changes:
            now = (folder / file).read_text(encoding="utf-8")
            if text not in now:
                sys.exit(f"{name}: {file} holds no such text any more: {text}")
            (folder / file).write_text(now.replace(text, replacement, 1), encoding="utf-8")
        built = build(folder)
        passed, said = run_test(folder, test) if built.returncode == 0 else (True, "does not build: " + built.stdout[-300:])
        files = ", ".join(sorted({Path(file).name for file in before}))
        said = said.replace("|", "/").replace("\n", " ")
        print(f"| {name} | {files} | `{test.split('.')[-1]}` | {'NOT CAUGHT ' if passed else ''}{said} |", flush=True)
        if passed:
            wrong.append(f"{name}: not caught by {test}")
        for file, text in before.items():
            (folder / file).write_text(text, encoding="utf-8")
    for each in wrong:
        print(each, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
