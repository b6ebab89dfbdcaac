"""Every way to start a program that the bench knows, in the order of the report."""

import fnmatch

from contenders import bubblewrap, docker, firejail, go_judge, isolate, native, nsjail, nspawn, oci, python

ALL = (native.Native, native.NewSource, native.Cold, native.Redis, python.Python, bubblewrap.Bubblewrap, nsjail.Nsjail,
       nsjail.NsjailFull, isolate.Isolate, go_judge.GoJudge, firejail.Firejail, oci.Crun, oci.Runc, nspawn.Nspawn, oci.Gvisor,
       docker.DockerExec, docker.DockerRunCrun, docker.DockerRun, docker.DockerRunGvisor)
NAMES = tuple(contender.name for contender in ALL)


def chosen(patterns):
    """The contenders of these names; a name may be a pattern such as docker-*. A ValueError names what fits nothing."""
    for pattern in patterns:
        if not fnmatch.filter(NAMES, pattern):
            raise ValueError(f"no contender is called {pattern}; there are {', '.join(NAMES)}")
    return [contender for contender in ALL
            if not patterns or any(fnmatch.fnmatchcase(contender.name, pattern) for pattern in patterns)]
