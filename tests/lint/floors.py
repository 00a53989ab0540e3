"""Checks how the sources hang together. Usage: floors.py [--with FILE] [OBJECT...]

The order of the folders comes from the table in src/README.md. The objects are those of src/, read with nm.
--with adds a file that is wrong on purpose: its first line says as which file of the tree it is read.
"""
import pathlib, re, subprocess, sys

# Each library has one door: the file that includes its headers. Others include the door.
DOORS = {
    "pthread.h": "include/base/sync.h",
    "uthash.h": "include/base/keyed_table.h",
    "sodium/crypto_shorthash.h": "src/base/keyed_hash.c",
    "sodium/": "src/settings/secret.c",
    "json-c/": "include/wire/json.h",
    "uuid/": "src/wire/nodeid.c",
    "libconfig.h": "src/settings/settings_file.c",
    "gnutls/": "include/link/tls_library_priv.h",
    "ares.h": "src/link/resolver.c",
    "libsmartcols/": "src/kith/table.c",
    "ncursesw/": "src/kith/screen.c",
    "microhttpd.h": "src/kith/web_server.c",
}

# A program of its own: it shares only these folders with kithd.
SHARED_WITH = {"kith": ("base", "wire")}

# Folders whose objects read no clock and touch no socket or file, and the modules that are for just that.
PURE_FOLDERS = ("wire", "book", "members", "mesh", "talk")
IMPURE = ("src/book/state.c", "src/book/saver.c")
IMPURE_CALLS = re.compile(
    r"(clock_\w+|time|gettimeofday|nanosleep|usleep|sleep|socket|socketpair|bind|listen|connect|accept4?|shutdown"
    r"|send|sendto|sendmsg|recv|recvfrom|recvmsg|getsockopt|setsockopt|getsockname|getpeername|p?poll|p?select|epoll_\w+"
    r"|read|write|readv|writev|open|openat|fopen|stream_\w+|outbox_\w+|wakeup_\w+|alarm_wait_until|thread_\w+)$")

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)
problems = []


def read_tree(extra):
    paths = [*pathlib.Path("src").glob("*/*.c"), *pathlib.Path("include").glob("*/*.h")]
    tree = {str(path): path.read_text() for path in paths}
    if extra:
        text = pathlib.Path(extra).read_text()
        tree[re.match(r"/\* As (\S+):", text)[1]] = text
    return {path: INCLUDE.findall(text) for path, text in tree.items()}


def folder_of(path):
    return path.split("/")[1]


def check_folders(tree):
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", pathlib.Path("src/README.md").read_text(), re.M)
    order = {folder: int(number) for number, folder in rows}
    present = {folder_of(path) for path in tree}
    for folder in present ^ set(order):
        problems.append(f"the folder {folder} is either in src/ or in the table of src/README.md, but not in both")
    for path, includes in tree.items():
        for header in includes:
            if "include/" + header not in tree:
                continue
            folder = header.split("/")[0]
            if order.get(folder, 0) > order.get(folder_of(path), 0):
                problems.append(f"{path} includes {header}, of a later folder")
            elif folder not in (folder_of(path), *SHARED_WITH.get(folder_of(path), (folder,))):
                problems.append(f"{path} includes {header}: {folder_of(path)}/ is a program of its own")
            if header.endswith("_priv.h") and folder != folder_of(path):
                problems.append(f"{path} includes {header}, which is private to {folder}/")
    return len(order)


def check_doors(tree):
    for path, includes in tree.items():
        for header in includes:
            door = next((door for prefix, door in DOORS.items() if header.startswith(prefix)), path)
            if path != door:
                problems.append(f"{path} includes <{header}>: include the door to it, {door}, instead")


def modules_of(tree):
    """FOLDER/NAME.c, .h and _priv.h are one module, and so are the .c files that a module with both headers is divided
    into: those of its folder that include NAME_priv.h."""
    modules = {}
    for path in tree:
        folder, name = path.split("/")[1:]
        modules[path] = folder + "/" + re.sub(r"(_priv)?\.[ch]$", "", name)
    divided = {m for m in modules.values() if {f"include/{m}.h", f"include/{m}_priv.h"} <= set(tree)}
    for path, includes in tree.items():
        for header in includes:
            whole = header.removesuffix("_priv.h")
            own = modules[path]
            if header.endswith("_priv.h") and whole in divided and folder_of(path) == folder_of("/" + header):
                modules.update({p: whole for p, m in modules.items() if m == own and own not in divided})
    return modules


def check_cycles(tree):
    modules = modules_of(tree)
    uses = {module: set() for module in modules.values()}
    for path, includes in tree.items():
        uses[modules[path]] |= {modules["include/" + h] for h in includes if "include/" + h in tree}
    done, trail = set(), []

    def visit(module):
        if module in trail:
            problems.append("a cycle: " + " -> ".join(trail[trail.index(module):] + [module]))
        elif module not in done:
            trail.append(module)
            for other in sorted(uses[module] - {module}):
                visit(other)
            trail.pop()
            done.add(module)

    for module in sorted(uses):
        visit(module)
    return len(uses)


def check_calls(objects):
    sources = {o: re.sub(r"^.*?(src/\w+/\w+)\.o$", r"\1.c", o) for o in objects}
    pure = [o for o in objects if folder_of(sources[o]) in PURE_FOLDERS and sources[o] not in IMPURE]
    if not pure:
        return
    listing = subprocess.run(["nm", "-uA", *pure], check=True, capture_output=True, text=True).stdout
    for path, symbol in re.findall(r"^(\S+?):\s+U (\w+)", listing, re.M):
        if IMPURE_CALLS.match(symbol.removeprefix("__").removesuffix("_chk")):
            problems.append(f"{sources[path]} refers to {symbol}: {folder_of(sources[path])}/ reads no clock and does no I/O")


def main(arguments):
    extra = arguments[1] if arguments[:1] == ["--with"] else None
    objects = arguments[2:] if extra else arguments
    tree = read_tree(extra)
    folders = check_folders(tree)
    check_doors(tree)
    modules = check_cycles(tree)
    check_calls(objects)
    for problem in problems:
        print(problem)
    if not problems:
        print(f"floors: {folders} folders, {modules} modules, {len(DOORS)} doors")
    return 1 if problems else 0


sys.exit(main(sys.argv[1:]))
