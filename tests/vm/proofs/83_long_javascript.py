"""Tests of JavaScript, as the unit's user: those that an emulated processor gets through in time. One program at a time: several
that start together take longer there than the half minute that the service gives an interpreter."""

import proving
import testing


def cases(*names):
    return [word for name in names for word in ("-k", name)]


# each of the hundred calls that end a program is a start of Node: tried with Python, whose filter is compiled likewise
testing.passes("security/node_surface", *cases("NodeArguments", "every_number", "beyond_the_newest", "no_call"), concurrency=1)
# a kept sandbox is used up by each of the programs that follow one another
testing.passes("sandbox/javascript", *cases("Programs", "Uses", "Endings", "nothing_but_its_own", "no_socket", "with_processes", "descriptors"), concurrency=1)
# limits of a fraction of a second are over before Node has started there
testing.passes("security/javascript", *cases("Containment", "Forgery", "Solutions"), concurrency=1)

proving.main()
