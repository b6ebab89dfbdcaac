import dis


def f(x, y=1):
    try:
        return [i + x for i in range(y)]
    except ValueError as error:
        raise KeyError from error


dis.dis(f)
print(dis.stack_effect(dis.opmap["POP_TOP"]), [i.opname for i in dis.get_instructions("a.b(c)")])
dis.show_code(f)
