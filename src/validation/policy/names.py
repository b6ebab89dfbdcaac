"""Which names a program binds, where, and which of its uses certainly mean the program's own.

Python looks a name up in functions, then in the module, then among the builtins. A name that a function binds never
falls back; one of the module does, for as long as it is not bound or once it is deleted."""

import ast

from lists import *


class Scope:
    """Where names live: the module, a class, or a function (lambdas and comprehensions are functions)."""

    __slots__ = ("kind", "parent", "bound", "imported", "outer")

    def __init__(self, kind, parent):
        self.kind = kind
        self.parent = parent
        self.bound = set()
        self.imported = set()
        self.outer = {}  # name -> "global" or "nonlocal"

    def function(self):
        """The scope in which := binds."""
        scope = self
        while scope.kind == "comprehension":
            scope = scope.parent
        return scope


class Names:
    """Which names the program binds, and where: enough to tell when a name certainly is the program's own."""

    def __init__(self):
        self.module = Scope("module", None)
        self.deleted = set()
        self.imports = {}   # name -> positions of the imports that bind it; None stands for one inside a function
        self.bindings = {}  # name -> (start, end) of statements of the module's own level that bind it for certain
        self.hoisted = set()

    def note_name(self, node, scope):
        if type(node.ctx) is not ast.Load and id(node) not in self.hoisted:
            scope.bound.add(node.id)
            if type(node.ctx) is ast.Del:
                self.deleted.add(node.id)

    def note_walrus(self, node, scope):
        self.hoisted.add(id(node.target))
        scope.function().bound.add(node.target.id)

    def note_named(self, node, scope):
        if node.name:
            scope.bound.add(node.name)
            if type(node) is ast.ExceptHandler:
                self.deleted.add(node.name)  # Python does so at the handler's end

    def note_rest(self, node, scope):
        if node.rest:
            scope.bound.add(node.rest)

    def note_declaration(self, node, scope):
        for name in node.names:
            scope.outer[name] = "global" if type(node) is ast.Global else "nonlocal"

    def note_import(self, node, scope):
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            scope.bound.add(name)
            scope.imported.add(name)
            here = (node.lineno, node.col_offset) if scope.kind == "module" else None
            self.imports.setdefault(name, []).append(here)

    NOTES = {
        ast.Name: note_name, ast.NamedExpr: note_walrus, ast.Import: note_import, ast.ImportFrom: note_import,
        ast.FunctionDef: note_named, ast.AsyncFunctionDef: note_named, ast.ClassDef: note_named,
        ast.ExceptHandler: note_named, ast.MatchAs: note_named, ast.MatchStar: note_named, ast.MatchMapping: note_rest,
        ast.Global: note_declaration, ast.Nonlocal: note_declaration,
    }

    def note_module_body(self, body):
        for statement in body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                targets = [statement.name]
            elif isinstance(statement, ast.Assign):
                targets = [part for target in statement.targets for part in plain_targets(target)]
            elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
                targets = plain_targets(statement.target)
            else:
                continue
            span = ((statement.lineno, statement.col_offset), (statement.end_lineno, statement.end_col_offset))
            for name in targets:
                self.bindings.setdefault(name, []).append(span)

    def is_own(self, node, scope):
        """Whether this use of a name certainly means what the program itself put there, not a builtin or a module."""
        name, start = node.id, scope
        while scope.kind != "module":
            outer = scope.outer.get(name)
            if outer == "global" or (scope is start and scope.kind == "class" and name in scope.bound):
                break  # a class's own names fall back to the module's, past those of functions around it
            if outer is None and scope.kind != "class" and name in scope.bound:
                return name not in scope.imported  # a function's own names never fall back to anything
            scope = scope.parent
        return self.is_rebound(name, (node.lineno, node.col_offset))

    def is_rebound(self, name, position):
        """Whether a statement of the module's own level, complete before `position`, has bound the name for good."""
        imports = self.imports.get(name, [])
        if name in self.deleted or None in imports:
            return False
        last_import = max(imports, default=(0, 0))
        return any(last_import < start and end <= position for start, end in self.bindings.get(name, []))


def plain_targets(target):
    """The names that an assignment to `target` binds."""
    names, stack = [], [target]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            names.append(node.id)
        elif isinstance(node, (ast.Tuple, ast.List)):
            stack.extend(node.elts)
        elif isinstance(node, ast.Starred):
            stack.append(node.value)
    return names


# The fields known of the nodes that are taken apart by scopes below; another one would go unseen.
TAKEN_APART = {
    ast.FunctionDef: {"name", "args", "body", "decorator_list", "returns", "type_comment", "type_params"},
    ast.AsyncFunctionDef: {"name", "args", "body", "decorator_list", "returns", "type_comment", "type_params"},
    ast.Lambda: {"args", "body"},
    ast.arguments: {"posonlyargs", "args", "vararg", "kwonlyargs", "kw_defaults", "kwarg", "defaults"},
    ast.ClassDef: {"name", "bases", "keywords", "body", "decorator_list", "type_params"},
    ast.ListComp: {"elt", "generators"},
    ast.SetComp: {"elt", "generators"},
    ast.GeneratorExp: {"elt", "generators"},
    ast.DictComp: {"key", "value", "generators"},
    ast.comprehension: {"target", "iter", "ifs", "is_async"},
}
for taken, fields in TAKEN_APART.items():
    if not set(taken._fields) <= fields:
        raise SystemExit(f"this Python's {taken.__name__} has fields that the policy does not know")


# The fields in which children are looked for: all that a kind has, but for plain values and the contexts of names.
PLAIN_FIELDS = {"ctx", "attr", "type_comment", "conversion", "simple"}
CHILD_FIELDS = {kind: tuple(field for field in kind._fields if field not in PLAIN_FIELDS) for kind in NODES}
for leaf in (ast.Name, ast.Constant, ast.Global, ast.Nonlocal, ast.MatchSingleton, ast.MatchStar, ast.alias):
    CHILD_FIELDS[leaf] = ()
CHILD_FIELDS |= {
    ast.Import: ("names",), ast.ImportFrom: ("names",), ast.arg: ("annotation",), ast.keyword: ("value",),
    ast.ExceptHandler: ("type", "body"), ast.MatchAs: ("pattern",), ast.MatchMapping: ("keys", "patterns"),
    ast.MatchClass: ("cls", "patterns", "kwd_patterns"),
}
for generic in ("TypeVar", "ParamSpec", "TypeVarTuple"):  # since Python 3.12
    if hasattr(ast, generic):
        CHILD_FIELDS[getattr(ast, generic)] = tuple({"bound", "default_value"} & set(getattr(ast, generic)._fields))


def class_children(node, scope):
    inside = Scope("class", scope)
    outer = node.decorator_list + node.bases + node.keywords + getattr(node, "type_params", [])
    return [(child, scope) for child in outer] + [(child, inside) for child in node.body]


def function_children(node, scope):
    inside = Scope("function", scope)
    spec = node.args
    arguments = [argument for argument in spec.posonlyargs + spec.args + spec.kwonlyargs + [spec.vararg, spec.kwarg] if argument]
    inside.bound.update(argument.arg for argument in arguments)
    outer = arguments + spec.defaults + spec.kw_defaults  # with their annotations
    outer += getattr(node, "decorator_list", []) + getattr(node, "type_params", []) + [getattr(node, "returns", None)]
    body = node.body if type(node.body) is list else [node.body]
    return [(child, scope) for child in outer if child is not None] + [(child, inside) for child in body]


def comprehension_children(node, scope):
    inside = Scope("comprehension", scope)
    inner = [node.key, node.value] if type(node) is ast.DictComp else [node.elt]
    for generator in node.generators:
        inner += [generator.target, generator.iter] + generator.ifs
    first = node.generators[0].iter  # is evaluated outside
    return [(first, scope)] + [(child, inside) for child in inner if child is not first]


SCOPED = {
    ast.FunctionDef: function_children, ast.AsyncFunctionDef: function_children, ast.Lambda: function_children,
    ast.ClassDef: class_children, ast.ListComp: comprehension_children, ast.SetComp: comprehension_children,
    ast.DictComp: comprehension_children, ast.GeneratorExp: comprehension_children,
}
