import ast

tree = ast.parse("def f(x: int, *, y=2):\n    return x ** y if x else [*range(3)]\n")
print(ast.dump(tree, indent=1), ast.unparse(tree), ast.literal_eval("{'a': (1, -2.5, b'x', None)}"), sep="\n")


class Doubler(ast.NodeTransformer):
    def visit_Constant(self, node):
        return ast.Constant(node.value * 2)


print(eval(compile(ast.fix_missing_locations(Doubler().visit(ast.parse("3 + 4", mode="eval"))), "x", "eval")))
ast.literal_eval("f(1)")
