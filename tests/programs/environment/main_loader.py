# The loader of the program gives its source.
print(__loader__.get_source("__main__").splitlines()[0])
print(__loader__.is_package("__main__"), __loader__.get_filename("__main__"), __loader__.get_code("__main__").co_name)
