"""What crun's tests use of util-linux's module of this name, which Debian 12 does not have."""


class _Mount:
    def __init__(self, line):
        before, after = line.rstrip("\n").split(" - ", 1)
        fields = before.split(" ")
        self.target = fields[4].encode().decode("unicode_escape")
        self.vfs_options = fields[5]
        self.fs_options = after.split(" ")[2]


class Table:
    """The mounts of a file as /proc/self/mountinfo, see proc_pid_mountinfo(5)."""

    def __init__(self, path):
        with open(path) as file:
            self._mounts = [_Mount(line) for line in file if " - " in line]

    def find_target(self, target):
        """The uppermost mount there, or None."""
        return next((m for m in reversed(self._mounts) if m.target == target), None)
