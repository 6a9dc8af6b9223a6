#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layout.py BUILD: every struct of the package against the headers, field by
field, and every enum, as a C compiler sees them."""

import ctypes
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
BUILD = os.path.abspath(sys.argv[1])
os.environ["TULLE_LIBRARY"] = f"{BUILD}/libtulle.so"
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(HERE))

from tulle import _mock_structs, _pick, _structs  # noqa: E402

STRUCTS = {
    "tulle_options": _structs.Options, "tulle_header": _structs.Header,
    "tulle_failure": _structs.Failure, "tulle_request": _structs.Request,
    "tulle_timings": _structs.Timings, "tulle_access": _structs.Access,
    "tulle_span": _structs.Span, "tulle_endpoint_state": _structs.EndpointState,
    "tulle_pick_request": _pick.PickRequest, "tulle_pick_result": _pick.PickResult,
    "tulle_mock_options": _mock_structs.MockOptions, "tulle_mock_answer": _mock_structs.Answer,
    "tulle_mock_request": _mock_structs.MockRequest, "tulle_mock_pick": _mock_structs.MockPick,
    "tulle_mock_candidate": _mock_structs.Candidate, "tulle_mock_event": _mock_structs.MockEvent,
}
CODES = {f"TULLE_{'OK' if code.name == 'OK' else 'E_' + code.name}": int(code)
         for code in _structs.Code}
NUMBERS = {**CODES, **{f"TULLE_{progress.name}": int(progress) for progress in _structs.Progress},
           "TULLE_EVENT_HEAD": _structs.HEAD, "TULLE_EVENT_READABLE": _structs.READABLE,
           "TULLE_EVENT_WRITABLE": _structs.WRITABLE, "TULLE_EVENT_END": _structs.END,
           "TULLE_STREAM_REQUEST": _structs.STREAM_REQUEST,
           "TULLE_STREAM_REPLY": _structs.STREAM_REPLY,
           "sizeof(struct tulle_event)": _structs.EVENT.size}


def claims():
    for name, struct in STRUCTS.items():
        yield f"sizeof(struct {name})", ctypes.sizeof(struct)
        for field, *_ in struct._fields_:
            place = getattr(struct, field)
            yield f"offsetof(struct {name}, {field})", place.offset
            yield f"sizeof(((struct {name} *)0)->{field})", place.size
    yield from NUMBERS.items()


def main():
    lines = [f'_Static_assert({what} == {number}, "{what} is not {number}");'
             for what, number in claims()]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/layout.c"
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(["#include <stddef.h>", "#include <tulle/mock.h>",
                                  "#include <tulle/tulle.h>", *lines, ""]))
        done = subprocess.run(["cc", "-std=c11", "-fsyntax-only", "-I", f"{ROOT}/include", path],
                              check=False)
    print(f"{len(lines)} claims about the headers, {'wrong' if done.returncode else 'all true'}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
