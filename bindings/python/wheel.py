#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the wheel: the package, libtulle.so.0, and beside it the libraries that
it needs and that not every Debian has (RE2, libyaml, xxHash, c-ares...). The
library was linked to look beside itself. libcurl stays the system's, because
its TLS and its certificates are the system's to keep safe.

    wheel.py --library build/python/libtulle.so.0 --out dist

A wheel is a zip with three files of its own, so nothing is downloaded for it.
It is a build backend as well (PEP 517): pip wheel bindings/python."""

import argparse
import base64
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SYSTEM = re.compile(r"^(linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+|curl))[.-]")
WHEN = (2020, 1, 1, 0, 0, 0)  # the same tree gives the same wheel


def version():
    with open(f"{ROOT}/include/tulle/version.h", encoding="ascii") as header:
        text = header.read()
    return ".".join(re.search(rf"TULLE_VERSION_{part} (\d+)", text).group(1)
                    for part in ("MAJOR", "MINOR", "PATCH"))


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def companions(library):
    """What the library needs directly and the system may not have: (soname, path)."""
    needed = re.findall(r"NEEDED.*\[(.+)\]", output("readelf", "-d", library))
    paths = dict(re.findall(r"(\S+) => (\S+)", output("ldd", library)))
    return [(name, paths[name]) for name in needed if not SYSTEM.match(name)]


def licence_of(path):
    """The copyright file of the Debian package a library is from."""
    try:
        found = output("dpkg", "-S", os.path.realpath(path)).split(":")[0]
        with open(f"/usr/share/doc/{found}/copyright", "rb") as file:
            return file.read()
    except (OSError, subprocess.CalledProcessError):
        return None


def metadata(project):
    lines = ["Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {version()}",
             f"Summary: {project['description']}", f"License-Expression: {project['license']}",
             f"Keywords: {','.join(project['keywords'])}",
             f"Requires-Python: {project['requires-python']}"]
    lines += [f"Classifier: {name}" for name in project["classifiers"]]
    for extra, wanted in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {name}; extra == "{extra}"' for name in wanted]
    lines.append("Description-Content-Type: text/markdown")
    with open(f"{HERE}/{project['readme']}", encoding="utf-8") as readme:
        return "\n".join(lines) + "\n\n" + readme.read()


def sources():
    for place, folders, names in os.walk(f"{HERE}/tulle"):
        folders[:] = sorted(f for f in folders if f not in ("__pycache__", "_lib"))
        for name in sorted(names):
            if name.endswith((".py", ".typed")):
                path = os.path.join(place, name)
                yield os.path.relpath(path, HERE), path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def contents(library, tag):
    with open(f"{HERE}/pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    info = f"tulle-{version()}.dist-info"
    files = {name: read(path) for name, path in sources()}
    files[f"tulle/_lib/libtulle.so.{version().split('.', maxsplit=1)[0]}"] = read(library)
    files[f"{info}/licenses/LICENSE"] = read(f"{ROOT}/LICENSE")
    for soname, path in companions(library):
        files[f"tulle/_lib/{soname}"] = read(path)
        licence = licence_of(path)
        if licence:
            files[f"{info}/licenses/{soname}"] = licence
    points = "\n".join(f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in names.items())
                       for group, names in project["entry-points"].items())
    files[f"{info}/entry_points.txt"] = points.encode() + b"\n"
    files[f"{info}/METADATA"] = metadata(project).encode()
    files[f"{info}/WHEEL"] = (f"Wheel-Version: 1.0\nGenerator: tulle\nRoot-Is-Purelib: false\n"
                              f"Tag: {tag}\n").encode()
    files[f"{info}/RECORD"] = record(files, f"{info}/RECORD")
    return files


def record(files, itself):
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}")
    return ("\n".join([*lines, f"{itself},,"]) + "\n").encode()


def make(library, out):
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    tag = f"py3-none-{platform}"
    name = f"tulle-{version()}-{tag}.whl"
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, name)
    with zipfile.ZipFile(path + ".new", "w", zipfile.ZIP_DEFLATED) as wheel:
        for inner, data in contents(library, tag).items():
            entry = zipfile.ZipInfo(inner, WHEN)
            entry.external_attr = (0o755 if "/_lib/" in inner else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    os.replace(path + ".new", path)
    return path


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """The hook of PEP 517: the library is TULLE_LIBRARY, or that of `./dev build`."""
    library = os.environ.get("TULLE_LIBRARY", f"{ROOT}/build/python/libtulle.so.0")
    return os.path.basename(make(library, wheel_directory))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", dest="shared", required=True)
    parser.add_argument("--out", default=f"{HERE}/dist")
    options = parser.parse_args()
    print(make(options.shared, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
