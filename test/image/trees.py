"""Trees of files for test/image-unpack.test.ts.
  pack FORMAT DIR ARCHIVE   by Python's tarfile: pax, gnu, ustar
  list DIR        what there is, a line each, in a form that can be compared
  compare JSON    random trees, each packed by a program and unpacked by two, are the same then:
                  {"seed", "count", "coarse": times in whole seconds, "pack", "unpack", "reference": words of the programs,
                  with @tree, @archive, @out and @size in them}; prints what differs"""
import hashlib, json, os, random, shutil, stat, subprocess, sys, tarfile, time

NAMES = ["a", "file", "a b", "é", "日本", "n" * 120, "-x", ".hidden", "q'uote", "new\nline", "tab\t", "back\\slash", "~", "x" * 254]
RAW = [b"\xff\xfe", b"caf\xe9"]


def make(seed, top, coarse):
    rng = random.Random(seed)
    os.makedirs(top)
    top = os.fsencode(top)
    files, directories = [], [top]
    for _ in range(rng.randrange(5, 40)):
        parent = rng.choice(directories)
        name = rng.choice(RAW) if rng.random() < 0.1 else os.fsencode(rng.choice(NAMES) + str(rng.randrange(1000)))[:255]
        path = parent + b"/" + name
        if len(path) > 3000 or os.path.lexists(path):
            continue
        kind = rng.choice("fffffdddlhspF")
        if kind == "d":
            os.mkdir(path)
            directories.append(path)
        elif kind == "l":
            os.symlink(rng.choice([b"a", b"../x", b"/etc/passwd", b"t" * 200, b"\xff"]), path)
        elif kind == "h" and files:
            os.link(rng.choice(files), path)
        elif kind == "p":
            os.mkfifo(path)
        elif kind == "s":
            with open(path, "wb") as f:
                for _ in range(rng.randrange(1, 6)):
                    f.seek(rng.randrange(0, 3) * 65536, 1)
                    f.write(rng.randbytes(rng.randrange(1, 5000)))
                f.truncate(f.tell() + rng.choice([0, 70000]))
            files.append(path)
        else:
            with open(path, "wb") as f:
                f.write(rng.randbytes(rng.choice([0, 1, 511, 512, 513, 10240, 70000])))
            files.append(path)
    everything = [os.path.join(d, n) for d, ds, fs in os.walk(top) for n in ds + fs]
    for path in sorted(everything, key=len, reverse=True):
        if not os.path.islink(path):
            mode = rng.choice([0o644, 0o600, 0o755, 0o4755, 0o2755, 0o1777, 0o400, 0o000, 0o7777])
            if os.geteuid() == 0:
                os.chown(path, rng.choice([0, 1, 33, 1000, 65534]), rng.choice([0, 33, 65534]))
            os.chmod(path, mode)
            if rng.random() < 0.2 and os.path.isfile(path):
                try:
                    os.setxattr(path, b"user.k\xc3\xa9y", rng.randbytes(20))
                except OSError:
                    pass
        seconds = rng.choice([0, 1, 1700000000, 2 ** 32 + 5])
        os.utime(path, ns=(0, seconds * 10 ** 9 + (0 if coarse else rng.choice([0, 1, 999999999]))), follow_symlinks=False)


def pack(form, top, archive):
    form = {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT}[form]
    with tarfile.open(archive, "w", format=form) as tar:
        tar.add(top, arcname=".")


def mtime(st, coarse):
    # A directory that the archive does not name has the time at which it was made.
    if stat.S_ISDIR(st.st_mode) and st.st_mtime > time.time() - 3600:
        return "now"
    return st.st_mtime_ns // 10 ** 9 if coarse else st.st_mtime_ns


def show(top, coarse):
    top = os.fsencode(top)
    groups = {}
    lines = []
    for d, ds, fs in os.walk(top):
        for name in sorted(ds + fs) + ([b""] if d == top else []):
            path = os.path.join(d, name) if name else d
            st = os.lstat(path)
            rel = os.path.relpath(path, top)
            what = [oct(st.st_mode), st.st_uid, st.st_gid]
            # The top is the caller's to make.
            if rel != b".":
                what.append(mtime(st, coarse))
            if stat.S_ISLNK(st.st_mode):
                what.append(os.readlink(path).hex())
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    what += [st.st_size, hashlib.sha256(f.read()).hexdigest()]
                if not coarse:
                    what.append([(n, os.getxattr(path, n).hex()) for n in sorted(os.listxattr(path)) if n.startswith("user.")])
                groups.setdefault(st.st_ino, []).append(rel)
            lines.append(rel.hex() + " " + repr(what))
    lines += ["links " + " ".join(p.hex() for p in sorted(g)) for g in groups.values() if len(g) > 1]
    return sorted(lines)


def compare(seed, count, coarse, pack, unpack, reference):
    damaged = 0
    for n in range(seed, seed + count):
        make(n, "tree", coarse)
        run(pack, "tree", "archive.tar", "")
        os.makedirs("unpacked/partial")
        run(unpack, "tree", "archive.tar", "unpacked")
        os.mkdir("reference")
        # bsdtar writes what nobody can unpack, it neither: links to names that are partly UTF-8.
        sound = run(reference, "tree", "archive.tar", "reference", must=False)
        damaged += not sound
        ours, theirs = show("unpacked/partial/root", coarse), show("reference", coarse)
        if sound and ours != theirs:
            print("seed", n)
            print("\n".join(["+ " + l for l in ours if l not in theirs] + ["- " + l for l in theirs if l not in ours]))
            return
        for path in ["tree", "unpacked", "reference"]:
            shutil.rmtree(path)
    print("same" if damaged <= 1 + count // 50 else "%d archives that nobody can unpack" % damaged)


def run(words, tree, archive, out, must=True):
    here = os.getcwd() + "/"
    values = {"@tree": here + tree, "@archive": here + archive, "@out": here + out}
    if os.path.exists(archive):
        values["@size"] = str(os.path.getsize(archive))
    for name, value in values.items():
        words = [word.replace(name, value) for word in words]
    with open(archive if "@size" in values else os.devnull, "rb") as stdin:
        done = subprocess.run(words, stdin=stdin, capture_output=True)
    if done.returncode != 0 and must:
        sys.exit("%s: %s%s" % (words, done.stderr.decode("utf8", "replace"), done.stdout.decode("utf8", "replace")))
    return done.returncode == 0


if sys.argv[1] == "compare":
    compare(**json.loads(sys.argv[2]))
elif sys.argv[1] == "pack":
    pack(*sys.argv[2:5])
else:
    print("\n".join(show(sys.argv[2], False)))
