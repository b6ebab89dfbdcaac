import configparser
import io
import sys
import tomllib

config = configparser.ConfigParser()
config.read_string("[DEFAULT]\nbase = /srv\n[site]\npath = %(base)s/www\nport = 80\non = yes\n")
print(config["site"]["path"], config.getint("site", "port"), config.getboolean("site", "on"), config.sections())
config.write(sys.stdout)
print(tomllib.loads('title = "x"\n[a.b]\nlist = [1, 2.5, true]\nwhen = 1979-05-27T07:32:00Z\n'))
tomllib.loads("a = \n")
