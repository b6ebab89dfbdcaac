import enum


class Colour(enum.Enum):
    RED = 1
    GREEN = enum.auto()
    CRIMSON = 1

    @property
    def nice(self):
        return self.name.title()


class Permission(enum.IntFlag):
    READ = 4
    WRITE = 2


class Level(enum.StrEnum):
    LOW = enum.auto()


print(Colour.RED, repr(Colour.GREEN), Colour.CRIMSON, Colour(2), Colour["RED"].nice, list(Colour), Permission.READ | Permission.WRITE, repr(Permission(6)))
print(Level.LOW, f"{Level.LOW}", enum.IntEnum("N", "a b").b + 1, Colour.__members__, Permission.READ in Permission(6))
Colour(7)
