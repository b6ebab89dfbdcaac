# -*- coding: latin-1 -*-
print("a mark and a cookie that differ")
