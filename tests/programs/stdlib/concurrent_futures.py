import concurrent.futures as cf
import contextvars

future = cf.Future()
future.add_done_callback(lambda f: print("callback", f.result()))
future.set_result(5)
print(future, cf.wait([future]).done == {future}, future.cancel())
variable = contextvars.ContextVar("v", default=0)
context = contextvars.copy_context()
context.run(variable.set, 7)
print(variable.get(), context[variable])
future.set_result(6)
