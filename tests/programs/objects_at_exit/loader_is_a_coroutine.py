async def c(): pass
__loader__ = c()
