async def work():
    pass


coroutine = work()
print("end")
