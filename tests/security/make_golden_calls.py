"""Writes golden_calls.json anew from the profiles: number → what a call with all arguments 0, and all −1, gets.

    make_golden_calls.py /usr/include/x86_64-linux-gnu/asm/unistd_64.h > golden_calls.json

Run by hand when a profile changes on purpose, and its difference read. The rule matching is this file's own, written
from the OCI specification and not from the compiler under test.
"""

import errno
import json
import re
import sys
from pathlib import Path

PROFILES = Path(__file__).resolve().parents[2] / "seccomp-profiles"
NEWEST = 469
SWEPT = 480
ALL_ONES = (1 << 64) - 1
# newer than the headers of Debian 12
NEWER = ("cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount lsm_get_self_attr "
         "lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat removexattrat open_tree_attr "
         "file_getattr file_setattr listns").split()


def names_by_number(header):
    text = Path(header).read_text(encoding="ascii")
    names = {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", text)}
    names.update({451 + i: name for i, name in enumerate(NEWER)})
    return names


def holds(condition, argument):
    if condition["op"] == "SCMP_CMP_EQ":
        return argument == condition["value"]
    assert condition["op"] == "SCMP_CMP_MASKED_EQ", condition
    return argument & condition["value"] == condition["valueTwo"]


def answer(profile, name, arguments):
    for rule in profile["syscalls"]:
        if name in rule["names"] and all(holds(c, arguments[c["index"]]) for c in rule.get("args", [])):
            if rule["action"] == "SCMP_ACT_ALLOW":
                return "reached"
            if rule["action"] == "SCMP_ACT_KILL_PROCESS":
                return f"violation {name}"
            return errno.errorcode[rule["errnoRet"]]
    return errno.errorcode[profile["defaultErrnoRet"]]


def golden(profile, names):
    table = {}
    for number in range(SWEPT + 1):
        name = names.get(number, f"syscall_{number}")
        answers = ["ENOSYS"] * 2 if number > NEWEST else [answer(profile, name, [a] * 6) for a in (0, ALL_ONES)]
        table[str(number)] = {"name": name, "zeros": answers[0], "ones": answers[1]}
    return table


def main():
    names = names_by_number(sys.argv[1])
    tables = {name: golden(json.loads((PROFILES / f"{name}.json").read_text(encoding="utf-8")), names)
              for name in ("python", "python-processes", "node", "node-processes")}
    lines = ["{"]
    for i, (name, table) in enumerate(tables.items()):
        lines.append(f' "{name}": {{')
        lines += [f'  "{number}": {json.dumps(entry)}{"," if int(number) < SWEPT else ""}' for number, entry in table.items()]
        lines.append(" }" + ("," if i + 1 < len(tables) else ""))
    print("\n".join([*lines, "}"]))


if __name__ == "__main__":
    main()
