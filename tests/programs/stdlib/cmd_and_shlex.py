import cmd
import shlex


class Shell(cmd.Cmd):
    prompt = "> "

    def do_add(self, line):
        "add numbers"
        print(sum(map(int, shlex.split(line))))

    def do_quit(self, line):
        return True


Shell().cmdloop("welcome")
print(shlex.quote("it's"), shlex.join(["a b", "c"]))
shlex.split("'open")
