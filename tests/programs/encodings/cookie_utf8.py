# vim: set fileencoding=utf-8 :
print("äöü", __file__)
