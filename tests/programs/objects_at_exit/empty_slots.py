"""Instances without any field are nothing that the collector knows; their finalizer runs."""


class Empty:
    __slots__ = ()

    def __del__(self):
        print("gone")


kept = Empty()
del Empty
