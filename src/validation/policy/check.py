"""One program held against the policy: the walk over its tree, and what is looked at in each kind of node."""

import _string
import ast
import importlib
import string
import sys
import types

from lists import *
from names import *


class Policy:
    """What the operator allows, and what the allowed modules hold."""

    def __init__(self, modules, allowed_builtins=None, enabled=True):
        self.enabled = enabled
        self.any_module = "*" in modules
        self.modules = frozenset(modules)
        self.any_builtin = allowed_builtins is not None and "*" in allowed_builtins
        refused = REFUSED_BUILTINS.keys() if allowed_builtins is None else BUILTINS - set(allowed_builtins)
        self.refused_builtins = frozenset() if self.any_builtin else frozenset(refused)
        few = sorted(self.modules)
        self.allowed_text = f" (allowed: {', '.join(few) or 'none'})" if len(few) <= 12 else ""
        self.unsafe = {}
        if not self.any_module and enabled:
            for name in few:
                self.load(name)

    @staticmethod
    def load(name):
        """Imports an allowed module of the standard library, so that its members are known for what they are."""
        if name in sys.stdlib_module_names and name not in NOISY:
            try:
                importlib.import_module(name)
            except Exception:  # not in this root: its members are judged by their names
                pass

    @staticmethod
    def known(module):
        """The module itself, if its members can be told from here."""
        top = module.partition(".")[0]
        return sys.modules.get(module) if top in sys.stdlib_module_names and top not in NOISY else None

    def allows(self, module):
        return self.any_module or module.partition(".")[0] in self.modules

    def member(self, module, name):
        """What `name` of `module` is: a module's dotted name if that is allowed, False if it is not, None if no module."""
        known = self.known(module)
        if known is None:
            refused = (name in sys.stdlib_module_names and not self.allows(name)) or name == "ctypeslib"
            return False if refused and not self.any_module else None
        value = getattr(known, name, None)
        if not isinstance(value, types.ModuleType):
            return None
        if sys.modules.get(f"{module}.{name}") is value:  # a submodule proper, not something that it imported
            return f"{module}.{name}"
        return value.__name__ if self.allows(value.__name__) else False

    def exports(self, module):
        """What `from module import *` brings, as far as it is known."""
        known = self.known(module)
        return getattr(known, "__all__", None) or [name for name in dir(known) if not name.startswith("_")]

    def is_unsafe(self, module):
        """Whether a refused module can be reached from this one, so that it must not be passed around as a value."""
        if module not in self.unsafe:
            known = self.known(module)
            self.unsafe[module] = known is None or any(
                isinstance(value, types.ModuleType) for value in vars(known).values())
        return self.unsafe[module]


class Check:
    """One program held against the policy. Parents are looked at before their children, and tell by `seen` and
    `excused` which of these they have dealt with."""

    def __init__(self, policy, tree):
        self.policy = policy
        self.strict = not policy.any_builtin
        self.names = Names()
        self.found = []    # (line, byte column, rule, message)
        self.nodes = []    # (node, scope), parents first
        self.modules = {}  # name -> dotted names of the modules that imports bind to it
        self.seen = set()
        self.excused = set()
        self.collect(tree)
        for node, _ in self.nodes:
            if type(node) in (ast.Import, ast.ImportFrom):
                self.bind(node)
        for node, scope in self.nodes:
            look = self.LOOKS.get(type(node))
            if look:
                look(self, node, scope)

    def report(self, node, rule, message):
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        if isinstance(node, ast.Attribute):  # where its name stands, not where what it is taken from begins
            line, column = node.end_lineno, max(node.end_col_offset - len(node.attr.encode()), 0)
        self.found.append((line, column, rule, message))

    def collect(self, tree):
        """Finds all nodes with their scopes, what names are bound, and syntax that is not on the list."""
        self.names.note_module_body(tree.body)
        notes, nodes = Names.NOTES, self.nodes
        stack = [(tree, self.names.module)]
        while stack:
            entry = stack.pop()
            node, scope = entry
            kind = type(node)
            if kind in LEAVES:
                continue
            if kind not in NODES:
                self.report(node, "node", f"syntax that the policy does not know: {kind.__name__}")
                continue
            nodes.append(entry)
            if kind in notes:
                notes[kind](self.names, node, scope)
            if kind in SCOPED:
                stack += SCOPED[kind](node, scope)
                continue
            for field in CHILD_FIELDS[kind]:
                value = getattr(node, field, None)
                if type(value) is list:
                    stack += [(item, scope) for item in value if item is not None]
                elif value is not None:
                    stack.append((value, scope))

    # -- imports, and modules within modules

    def bind(self, node):
        """Notes which names an import binds to modules."""
        for alias in node.names:
            if type(node) is ast.Import:
                module = alias.name if alias.asname else alias.name.partition(".")[0]
            elif node.level or not self.policy.allows(node.module):
                continue
            else:
                module = self.policy.member(node.module, alias.name)
            if module and self.policy.allows(module) and not self.policy.any_module:
                self.modules.setdefault(alias.asname or alias.name.partition(".")[0], set()).add(module)

    def look_at_import(self, node, scope):
        for alias in node.names:
            self.check_identifier(node, alias.asname)
            if not self.policy.allows(alias.name):
                self.refuse_module(alias, alias.name)
            elif not self.policy.any_module and any(part.startswith("_") for part in alias.name.split(".")):
                self.report(alias, "module", f"the module {shown(alias.name)!r} is private")

    def look_at_import_from(self, node, scope):
        for alias in node.names:
            self.check_identifier(node, alias.asname)
        if node.module == "__future__" and not node.level or self.policy.any_module:
            return
        if node.level:
            self.report(node, "module", "relative imports are not allowed")
        elif not self.policy.allows(node.module):
            self.refuse_module(node, node.module)
        else:
            for alias in node.names:
                for name in self.policy.exports(node.module) if alias.name == "*" else [alias.name]:
                    self.check_member(alias, node.module, name)

    def refuse_module(self, node, module):
        self.report(node, "module", f"the module {shown(module)!r} is not allowed{self.policy.allowed_text}")

    def check_member(self, node, module, name):
        """Reports what may not be taken out of an allowed module; else the dotted name if it is a module itself."""
        member = self.policy.member(module, name)
        if member is False:
            self.report(node, "module", f"the module {shown(name)!r} is not allowed through {shown(module)!r}")
        elif name.startswith("_") and not is_dunder(name):
            self.report(node, "module", f"{shown(name)!r} is private to the module {shown(module)!r}")
        else:
            return member
        return None

    def check_members(self, base, chain):
        """Follows base.a.b.c, innermost last in `chain`, through modules for as long as they are modules."""
        self.excused.add(id(base))
        for module in self.modules[base.id]:
            for node in reversed(chain):
                module = self.check_member(node, module, node.attr)
                if not module:
                    break

    # -- attributes

    def look_at_attribute(self, node, scope):
        if id(node) in self.seen:
            return
        chain = [node]
        while isinstance(chain[-1].value, ast.Attribute):
            chain.append(chain[-1].value)
            self.seen.add(id(chain[-1]))
        base = chain[-1].value
        if isinstance(base, ast.Name) and base.id in self.modules and not self.names.is_own(base, scope):
            self.check_members(base, chain)
        if self.strict:
            for outer, inner in zip([None] + chain, chain):
                if is_bad_attribute(inner.attr) and not self.is_plain_class(outer, inner):
                    self.report_attribute(inner, inner.attr)

    @staticmethod
    def is_plain_class(outer, node):
        """self.__class__ and anything.__class__.__name__ say no more than type(), which is allowed."""
        if node.attr != "__class__" or not isinstance(node.ctx, ast.Load):
            return False
        named = outer is not None and outer.attr in ("__name__", "__qualname__")
        return named or (isinstance(node.value, ast.Name) and node.value.id in ("self", "other"))

    def report_attribute(self, node, name):
        self.report(node, "attribute", f"the attribute {shown(name)!r} is not allowed")

    def check_attribute_text(self, node, text):
        if is_bad_attribute(text):
            self.report_attribute(node, text)

    def look_at_class_pattern(self, node, scope):
        if self.strict:
            for name in node.kwd_attrs:
                self.check_attribute_text(node, name)

    def look_at_call(self, node, scope):
        if not self.strict:
            return
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
        if name in BY_PATH:
            self.check_paths(node, node.args[:1] if name == "methodcaller" else node.args)
        elif name in BY_TEXT and isinstance(node.func, ast.Name) and name in self.policy.refused_builtins:
            self.excuse_by_text(node, BY_TEXT[name])

    def check_paths(self, node, arguments):
        for argument in arguments:
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                self.report(node, "attribute", "attributes may be named by constants only")
                continue
            for part in argument.value.split("."):
                self.check_attribute_text(argument, part)

    def excuse_by_text(self, node, least):
        """getattr(x, "name") is as good as x.name."""
        plain = len(node.args) >= least and not any(isinstance(argument, ast.Starred) for argument in node.args)
        text = getattr(node.args[1], "value", None) if plain and isinstance(node.args[1], ast.Constant) else None
        if isinstance(text, str) and not is_bad_attribute(text) and not text.startswith("_"):
            self.excused.add(id(node.func))

    def look_at_assignment(self, node, scope):
        """__match_args__ = ("x",) names attributes by text."""
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        targets = [target for target in targets if isinstance(target, ast.Name) and target.id == "__match_args__"]
        if not self.strict or not targets:
            return
        self.excused.update(id(target) for target in targets)
        listed = isinstance(node.value, ast.Tuple) and all(isinstance(item, ast.Constant) for item in node.value.elts)
        if not listed:
            self.report(node, "attribute", "__match_args__ must be a tuple of constants")
        elif any(isinstance(item.value, str) and is_bad_attribute(item.value) for item in node.value.elts):
            self.report(node, "attribute", "__match_args__ names attributes that are not allowed")

    # -- names

    def look_at_name(self, node, scope):
        name = node.id
        if isinstance(node.ctx, ast.Load) and id(node) not in self.excused:
            if name in self.policy.refused_builtins and not self.names.is_own(node, scope):
                reason = f": it {REFUSED_BUILTINS[name]}" if name in REFUSED_BUILTINS else ""
                self.report(node, "builtin", f"the builtin {name!r} is not allowed{reason}")
                return
            if name in self.modules and not self.policy.any_module and not self.names.is_own(node, scope):
                self.check_bare_module(node)
        if name == "__match_args__" and self.strict and id(node) not in self.excused:
            self.report(node, "attribute", "__match_args__ may only be assigned to, as a tuple of constants")
        elif name not in BUILTINS:
            self.check_identifier(node, name)

    def check_bare_module(self, node):
        if any(self.policy.is_unsafe(module) for module in self.modules[node.id]):
            self.report(node, "module",
                        f"the module {shown(node.id)!r} may only be used as {shown(node.id)}.name, not as a value")

    def check_identifier(self, node, name):
        if self.strict and name and is_dunder(name) and name not in SAFE_NAMES:
            self.report(node, "name", f"the name {shown(name)!r} is not allowed")

    def look_at_definition(self, node, scope):
        self.check_identifier(node, node.name)

    def look_at_argument(self, node, scope):
        self.check_identifier(node, node.arg)

    def look_at_rest(self, node, scope):
        self.check_identifier(node, node.rest)

    def look_at_declaration(self, node, scope):
        for name in node.names:
            self.check_identifier(node, name)

    # -- format strings

    def look_at_constant(self, node, scope):
        if self.strict and isinstance(node.value, str):
            self.check_format(node, node.value)

    def look_at_sum(self, node, scope):
        """Constants that are put together by + are one text."""
        if not self.strict or not isinstance(node.op, ast.Add) or id(node) in self.seen:
            return
        parts = [node.right]
        while isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Add):
            node = node.left
            self.seen.add(id(node))
            parts.append(node.right)
        parts.append(node.left)
        texts = [part.value for part in reversed(parts) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if len(texts) > 1:
            self.check_format(node, "".join(texts))

    def check_format(self, node, text):
        if "{" in text and "." in text and any(is_bad_attribute(name) for name in format_attributes(text)):
            self.report(node, "format", "a format string names attributes that are not allowed")

    LOOKS = {
        ast.Import: look_at_import, ast.ImportFrom: look_at_import_from,
        ast.Attribute: look_at_attribute, ast.MatchClass: look_at_class_pattern, ast.Call: look_at_call,
        ast.Assign: look_at_assignment, ast.AnnAssign: look_at_assignment,
        ast.Name: look_at_name, ast.FunctionDef: look_at_definition, ast.AsyncFunctionDef: look_at_definition,
        ast.ClassDef: look_at_definition, ast.ExceptHandler: look_at_definition, ast.MatchAs: look_at_definition,
        ast.MatchStar: look_at_definition, ast.MatchMapping: look_at_rest, ast.arg: look_at_argument,
        ast.keyword: look_at_argument, ast.Global: look_at_declaration, ast.Nonlocal: look_at_declaration,
        ast.Constant: look_at_constant, ast.BinOp: look_at_sum,
    }
    for generic in ("TypeVar", "ParamSpec", "TypeVarTuple"):
        if hasattr(ast, generic):
            LOOKS[getattr(ast, generic)] = look_at_definition


def format_attributes(text):
    """The attributes that str.format would look up for this text, as far as it is well formed."""
    specs = [text]
    for _ in range(3):  # str.format goes no deeper into its specifications
        inner = []
        for spec in specs:
            try:
                for _, field, nested, _ in string.Formatter().parse(spec):
                    if field:
                        yield from (name for by_dot, name in _string.formatter_field_name_split(field)[1] if by_dot)
                    if nested and "{" in nested:
                        inner.append(nested)
            except ValueError:
                pass
        specs = inner
