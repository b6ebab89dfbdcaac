"""The attempts of the other files once more against the Docker backend, by the same lines. What is left out, and why, stands in LEFT_OUT."""

import unittest

import docker_engine
import executor_service
import filesystem_test
import kernel_surface_test
import privileges_test
import resources_test

engine = None

CLASSES = (filesystem_test.Filesystem, privileges_test.Processes, privileges_test.Networks, resources_test.Memory, resources_test.Files,
           resources_test.Processes, resources_test.Time, kernel_surface_test.Families)

ENGINES_TREE = "/proc, /sys, /dev and files in / are the engine's; what of them can be reached is in backends_test.py"
LEFT_OUT = {
    "test_F01_the_root_file_system_is_read_only": ENGINES_TREE,
    "test_F03_nothing_of_the_host_is_there": ENGINES_TREE,
    "test_F04_the_visible_tree_is_the_one_that_was_built": ENGINES_TREE,
    "test_F11_there_is_no_way_above_the_root": ENGINES_TREE,
    "test_F13_there_is_no_proc_and_no_sys": ENGINES_TREE,
    "test_K03_arguments_are_looked_at_in_full": "the program is not process 2",
    "test_K04_no_terminal_requests": ENGINES_TREE,
    "test_K12_prctl_only_names": "the loader of a program that is executed sets its own thread pointer (arch_prctl)",
    "test_K15_callbacks_of_ctypes_work_all_the_same": "the interpreter is the image's: callbacks of ctypes need executable memory",
    "test_N11_no_id_of_the_host_is_mapped": "an engine gives a container no user namespace of its own",
    "test_P02_no_process_can_be_made": ENGINES_TREE,
    "test_P03_no_signal_reaches_another": "the program is not process 2",
    "test_P03_pid_1_cannot_be_signalled_where_signals_are_allowed": "a program that kills all in reach kills what reports on it",
    "test_P06_every_process_of_a_sandbox_is_filtered_as_seen_from_the_host": "containers are no children of the service",
    "test_P06_no_process_of_a_sandbox_is_dumpable": "containers are no children of the service",
    "test_P07_nobody_can_become_somebody": "an engine puts the user into its own group",
    "test_R01_one_process_killed_is_the_end_of_all": "the kernel kills one process of the container, and the others go on",
    "test_R10_a_spinner_meets_its_cpu_limit": "the engine is asked for the time, and answers when it does",
}


def setUpModule():
    global engine
    docker_engine.need()
    engine = docker_engine.DockerEngine()
    unittest.addModuleCleanup(engine.close)
    engine.import_root(docker_engine.rootfs())
    # no pool, for which a level would be waited for
    executor_service.start(**docker_engine.settings(engine), EXECUTOR_WARM_POOL="0")


class InContainers:
    def named(self, call):
        return None  # an engine does not say for which

    def tearDown(self):
        left = executor_service.wait_until(lambda: len(engine.containers()) <= 1, executor_service.SETTLE_SECONDS)
        self.assertTrue(left, "more than the parser's container is left")


for kind in CLASSES:
    name = f"{kind.__module__.removesuffix('_test').title()}{kind.__name__}"
    without = {attempt: None for attempt in LEFT_OUT if hasattr(kind, attempt)}
    globals()[name] = type(name, (InContainers, kind), {"__module__": __name__, **without})
del kind


class LeftOut(unittest.TestCase):
    def test_each_is_an_attempt_that_there_is(self):
        known = {attempt for kind in CLASSES for attempt in dir(kind)}
        self.assertEqual(set(LEFT_OUT) - known, set())


if __name__ == "__main__":
    unittest.main()
