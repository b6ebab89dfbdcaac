#!/usr/bin/python3
"""The stages of a sandbox's set-up: the enum, its names, the code and the table in README.md have one order.

    tests/house/stages.py --table      prints the table as README.md has to have it
"""

import re
import sys
import unittest

import tree

SANDBOX = tree.ROOT / "src/sandbox"
ENUMERATOR = re.compile(r"^  (\w+),\s*///<\s*(.+)$", re.MULTILINE)
# each is reached by report_stage or, for those of the payload behind enter_sandbox, by the zygote
READY = {"init_ready", "payload_ready"}


def enum_stages(header):
    """(stage, what it means) in the enum's order."""
    body = re.search(r"enum class Stage[^{]*\{(.*?)\n\};", header, re.DOTALL)[1]
    return ENUMERATOR.findall(body)


def named_stages(source):
    """The entries of kNames."""
    return re.findall(r'"([^"]+)"', re.search(r"kNames = \{(.*?)\n\};", source, re.DOTALL)[1])


def code_stages(source):
    """Stages in the order in which the code names them."""
    return re.findall(r"\bStage::((?:init|payload)_\w+)", source)


def table(header, names):
    rows = ["| stage | what holds from there |", "| --- | --- |"]
    rows += [f"| `{name}` | {meaning} |" for (_, meaning), name in zip(enum_stages(header), names)]
    return "\n".join(rows)


def read(name):
    return (SANDBOX / name).read_text()


class Stages(unittest.TestCase):
    def setUp(self):
        self.stages = [stage for stage, _ in enum_stages(read("stages.hpp"))]

    def of(self, process):
        return [stage for stage in self.stages if stage.startswith(process)]

    def test_each_enumerator_has_a_meaning(self):
        body = re.search(r"enum class Stage[^{]*\{(.*?)\n\};", read("stages.hpp"), re.DOTALL)[1]
        self.assertEqual(re.findall(r"^  (\w+),", body, re.MULTILINE), self.stages)
        self.assertGreater(len(self.stages), 20)

    def test_the_names_have_the_order_of_the_enum(self):
        plain = [re.sub(r"[^a-z]+", "_", name.replace("no_new_privs", "no_new_privileges"))
                 for name in named_stages(read("stages.cpp"))]
        self.assertEqual(self.stages, plain)

    def test_init_takes_its_stages_in_the_order_of_the_enum(self):
        self.assertEqual(self.of("init_"), code_stages(read("init.cpp")))

    def test_the_payload_takes_its_stages_in_the_order_of_the_enum(self):
        zygote = "".join(path.read_text() for path in sorted((tree.ROOT / "src/zygote").glob("*_zygote.cpp")))
        taken = code_stages(read("payload.cpp"))
        self.assertEqual(self.of("payload_"), taken + code_stages(zygote)[:len(self.of("payload_")) - len(taken)])

    def test_the_readme_has_the_table_of_the_enum(self):
        readme = (tree.ROOT / "README.md").read_text()
        self.assertIn(table(read("stages.hpp"), named_stages(read("stages.cpp"))) + "\n\n", readme)

    def test_a_swapped_stage_is_seen(self):
        source = read("init.cpp")
        swapped = source.replace("init_bounding_set", "x").replace("init_capabilities", "init_bounding_set")
        self.assertNotEqual(code_stages(source), code_stages(swapped))


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(table(read("stages.hpp"), named_stages(read("stages.cpp"))))
    else:
        unittest.main()
