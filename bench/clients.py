"""Client processes: each runs blocks of starts, alone or at the same time as others, and times every start.

They are forked before anything else is set up, and stay; a block is sent to as many of them as it needs.
"""

import array
import ctypes
import multiprocessing
import os
import resource
import signal
import time

import starters

START_SECONDS = 180  # the most that one start of the slowest contender may take
AHEAD_SECONDS = 0.005
PR_SET_PDEATHSIG = 1


class ClientError(Exception):
    """A client could not do its block. The text says why."""


def usage():
    """(own CPU, CPU of children that were waited for, own minor faults); CPU in nanoseconds."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (time.clock_gettime_ns(time.CLOCK_PROCESS_CPUTIME_ID), round((children.ru_utime + children.ru_stime) * 1e9),
            resource.getrusage(resource.RUSAGE_SELF).ru_minflt)


def run_block(starter, begin, seconds, at_least):
    """Starts one after the other until the time is over. Times in nanoseconds."""
    latencies, told = array.array("q"), array.array("d")
    clock = time.monotonic_ns
    time.sleep(max(0, (begin - clock()) / 1e9))
    used = usage()
    now = begin = clock()
    end = begin + round(seconds * 1e9)
    while now < end or len(latencies) < at_least:
        before = clock()
        answer = starter.start()
        now = clock()
        latencies.append(now - before)
        value = starter.check(answer)
        if value is not None:
            told.append(value)
    own, children, faults = (after - before for before, after in zip(used, usage()))
    return {"latencies": latencies, "told": told, "elapsed": now - begin, "own_cpu": own, "children_cpu": children,
            "own_faults": faults}


def serve_block(number, pipe, starter, procs_files):
    for path in procs_files:
        with open(path, "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
    starter.open(number)
    try:
        starter.check(starter.start())  # connects, and fills what any second start would find filled
        pipe.send(None)
        pipe.send(run_block(starter, *pipe.recv()))
    finally:
        starter.close()


def client_main(number, pipe):
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends us when all else is stopped
    while order := pipe.recv():
        try:
            serve_block(number, pipe, *order)
        except starters.WrongAnswer as error:
            pipe.send(error)
        except Exception as error:  # whatever happens to a contender must be told, not lost with the process
            pipe.send(ClientError(f"{type(error).__name__}: {error}"))


class Clients:
    """The processes, numbered from 0."""

    def __init__(self, count):
        self.context = multiprocessing.get_context("fork")
        self.pipes, self.processes = [], []
        for number in range(count):
            ours, theirs = self.context.Pipe()
            process = self.context.Process(target=client_main, args=(number, theirs), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    def open(self, starter, count, procs_files):
        """Connects `count` clients, each with one checked start that is not timed."""
        self.chosen = self.pipes[:count]
        for pipe in self.chosen:
            pipe.send((starter, procs_files))
        answers = self.collect(0)
        failed = [answer for answer in answers if answer]
        if failed:
            for pipe, answer in zip(self.chosen, answers):
                if not answer:  # it waits for its block: give it an empty one
                    pipe.send((0, 0, 0))
                    pipe.recv()
            raise failed[0]

    def run(self, seconds, at_least):
        """The block that was opened: one result for each client."""
        begin = time.monotonic_ns() + round(AHEAD_SECONDS * 1e9)
        for pipe in self.chosen:
            pipe.send((begin, seconds, at_least))
        answers = self.collect(seconds + START_SECONDS * at_least)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def collect(self, seconds):
        """What each client says; a failure is an answer, too."""
        deadline = time.monotonic() + seconds + START_SECONDS
        answers = []
        for pipe in self.chosen:
            if not pipe.poll(max(0, deadline - time.monotonic())):
                raise RuntimeError("a client did not answer")
            answers.append(pipe.recv())
        return answers

    def close(self):
        for pipe in self.pipes:
            pipe.send(None)
        for process in self.processes:
            process.join(5)
            if process.is_alive():
                process.terminate()
