import operator
import types

print(operator.itemgetter(1, 2)("abc"), operator.attrgetter("real.imag")(3), operator.methodcaller("upper")("x"), operator.index(True), operator.concat("a", "b"), operator.length_hint([1]))
space = types.SimpleNamespace(a=1, b=[2])
print(space, types.MappingProxyType({"a": 1}), types.FunctionType(compile("x = 1", "f", "exec"), {})(), types.new_class("Made", (), {}).__name__)


def g():
    yield


print(isinstance(g(), types.GeneratorType), types.MethodType(print, "bound").__self__, types.CodeType.__name__, types.prepare_class("X")[0])
types.MappingProxyType({})["a"] = 1
