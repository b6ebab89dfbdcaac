"""What the source policy allows and refuses, and why. Only lists and questions about single names stand here."""

import ast
import builtins

SHOWN = 64  # characters of a name in a message

# All builtins are allowed but these, if the operator says nothing else.
REFUSED_BUILTINS = {
    "open": "opens files",
    "eval": "runs code from text",
    "exec": "runs code from text",
    "compile": "makes code from text",
    "__import__": "imports modules by text",
    "__build_class__": "runs the machinery of classes by hand",
    "breakpoint": "starts a debugger, which runs code from text",
    "globals": "hands out a namespace",
    "locals": "hands out a namespace",
    "vars": "hands out a namespace",
    "dir": "lists hidden attributes",
    "getattr": "reaches attributes by text",  # with a plain constant name it is allowed
    "setattr": "reaches attributes by text",  # likewise
    "delattr": "reaches attributes by text",  # likewise
    "help": "starts a pager, which reads files",
    "license": "reads files",
    "credits": "reads files",
    "copyright": "reads files",
}
BY_TEXT = {"getattr": 2, "setattr": 3, "delattr": 2}  # and how many arguments each needs

CONSTANT_NAMES = {"True", "False", "None", "Ellipsis", "NotImplemented", "__debug__"}
# What a program may find in its builtins; some are put there by the module site only.
BUILTINS = ({name for name in dir(builtins) if not name.startswith("_")} | set(REFUSED_BUILTINS)
            | {"exit", "quit"}) - CONSTANT_NAMES

# Methods that a class may define, and a program may name: none hands out a namespace, a class or a frame, and none is
# run by the mere definition of another class (so not __init_subclass__, __set_name__, __class_getitem__).
DATA_MODEL = set("""
    __init__ __new__ __del__ __repr__ __str__ __bytes__ __format__ __hash__ __bool__
    __lt__ __le__ __eq__ __ne__ __gt__ __ge__
    __getattr__ __setattr__ __delattr__ __get__ __set__ __delete__
    __len__ __length_hint__ __getitem__ __setitem__ __delitem__ __missing__ __iter__ __next__ __reversed__ __contains__
    __call__ __enter__ __exit__ __aenter__ __aexit__ __await__ __aiter__ __anext__
    __add__ __sub__ __mul__ __matmul__ __truediv__ __floordiv__ __mod__ __divmod__ __pow__ __lshift__ __rshift__
    __and__ __xor__ __or__ __radd__ __rsub__ __rmul__ __rmatmul__ __rtruediv__ __rfloordiv__ __rmod__ __rdivmod__
    __rpow__ __rlshift__ __rrshift__ __rand__ __rxor__ __ror__ __iadd__ __isub__ __imul__ __imatmul__ __itruediv__
    __ifloordiv__ __imod__ __ipow__ __ilshift__ __irshift__ __iand__ __ixor__ __ior__
    __neg__ __pos__ __abs__ __invert__ __complex__ __int__ __float__ __index__ __round__ __trunc__ __floor__ __ceil__
    __copy__ __deepcopy__ __sizeof__ __fspath__ __post_init__
""".split())
SAFE_ATTRIBUTES = DATA_MODEL | {"__name__", "__qualname__", "__doc__"}
SAFE_NAMES = DATA_MODEL | {"__name__", "__doc__", "__file__", "__debug__", "__all__", "__slots__", "__match_args__",
                           "__author__", "__version__", "__date__", "__license__", "__email__"}

# Attributes without double underscores that lead to frames, code objects, namespaces or the tree of classes.
GADGETS = set("""
    mro gi_frame gi_code gi_yieldfrom cr_frame cr_code cr_await cr_origin ag_frame ag_code ag_await
    tb_frame tb_next tb_lasti f_back f_builtins f_code f_globals f_locals f_trace f_generator
    func_globals func_code func_closure func_defaults im_class im_func im_self
    co_code co_consts co_names co_varnames co_freevars co_cellvars get_field
""".split())
BY_PATH = {"attrgetter", "methodcaller"}  # of the module operator: attributes by text

NODES = {getattr(ast, name) for name in """
    Module FunctionDef AsyncFunctionDef ClassDef Return Delete Assign AugAssign AnnAssign For AsyncFor While If With
    AsyncWith Match Raise Try TryStar Assert Import ImportFrom Global Nonlocal Expr Pass Break Continue
    BoolOp NamedExpr BinOp UnaryOp Lambda IfExp Dict Set ListComp SetComp DictComp GeneratorExp Await Yield YieldFrom
    Compare Call FormattedValue JoinedStr Constant Attribute Subscript Starred Name List Tuple Slice
    Load Store Del And Or Add Sub Mult MatMult Div Mod Pow LShift RShift BitOr BitXor BitAnd FloorDiv
    Invert Not UAdd USub Eq NotEq Lt LtE Gt GtE Is IsNot In NotIn
    comprehension ExceptHandler arguments arg keyword alias withitem match_case
    MatchValue MatchSingleton MatchSequence MatchMapping MatchClass MatchStar MatchAs MatchOr
    TypeAlias TypeVar ParamSpec TypeVarTuple
""".split() if hasattr(ast, name)}
LEAVES = {kind for kind in NODES if not kind._fields}

# Modules that do things when they are imported: known by name only.
NOISY = {"antigravity", "this", "idlelib", "turtledemo", "turtle", "test", "lib2to3", "tkinter", "__main__"}


def is_dunder(name):
    return len(name) > 4 and name.startswith("__") and name.endswith("__")


def is_bad_attribute(name):
    return name in GADGETS or (is_dunder(name) and name not in SAFE_ATTRIBUTES)


def shown(name):
    return name if len(name) <= SHOWN else name[:SHOWN] + "..."
