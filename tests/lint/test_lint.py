#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one fault in a copy of the tree and expects lint to name it. Each
test also plants its innocent twin, which must pass: a check that complains
about everything proves nothing."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def function(lines):
    return HEAD + "void f(int x)\n{\n" + "    x++;\n" * (lines - 3) + "}\n"


class Planting(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="tulle-lint-")
        self.addCleanup(shutil.rmtree, self.root)
        for folder in ("src", "include", "tests", "examples"):
            if os.path.isdir(os.path.join(ROOT, folder)):
                shutil.copytree(os.path.join(ROOT, folder), os.path.join(self.root, folder))
        shutil.copy(os.path.join(ROOT, ".clang-format"), self.root)

    def lint(self, check, path, text):
        place = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)
        run = subprocess.run([sys.executable, os.path.join(HERE, "lint.py"), "--all",
                              "--root", self.root, check], capture_output=True, text=True)
        mine = [line.strip() for line in run.stdout.split("\n") if path in line]
        return mine, run.returncode

    def fails(self, check, path, text, says):
        complaints, code = self.lint(check, path, text)
        self.assertNotEqual(code, 0)
        self.assertTrue(complaints, f"{check} does not name {path}")
        self.assertIn(says, complaints[0])

    def passes(self, check, path, text):
        self.assertEqual(self.lint(check, path, text)[0], [])

    def test_a_function_over_60_lines_is_named(self):
        self.fails("sizes", "src/base/planted.c", function(61), "f() has 61 lines")
        self.passes("sizes", "src/base/planted.c", function(60))

    def test_a_long_function_in_extern_c_and_behind_an_attribute_is_named(self):
        text = function(61).replace("void", "__attribute__((noinline)) void")
        text = text.replace("__attr", '#ifdef X\nextern "C" {\n#endif\n__attr', 1) + "}\n"
        self.fails("sizes", "tests/unit/planted.c", text, "f() has 61 lines")

    def test_a_file_over_500_lines_is_named(self):
        self.fails("sizes", "src/base/planted.c", HEAD + "\n" * 500, "501 lines")
        self.passes("sizes", "src/base/planted.c", HEAD + "\n" * 499)

    def test_an_include_against_the_order_is_named(self):
        for path, target in (("src/base/planted.c", "model/route.h"),
                             ("src/route/planted.c", "balance/picker.h"),
                             ("src/transport/curl/planted.c", "source/file/resource.h"),
                             ("src/stack/planted.c", "policy/order.h"),
                             ("src/base/planted.c", "../model/route.h")):
            self.fails("layers", path, f'{HEAD}#include "{target}"\n', "may not include")
        self.passes("layers", "src/stack/planted.c", HEAD + '#include "base/alloc.h"\n')
        self.passes("layers", "src/base/planted.c", HEAD + "#include <tulle/error.h>\n")

    def test_a_banned_call_is_named(self):
        for call in ("strcpy(a, b)", "sprintf(a, b)", "printf (a)", "exit(1)", "getenv(a)",
                     "malloc(1)", "free(a)", "clock_gettime(0, a)", "rand()",
                     "pthread_create(a, b, c, d)", "g(a, free)"):
            text = f"{HEAD}int f(void)\n{{\n    {call};\n}}\n"
            self.fails("banned", "src/model/planted.c", text, "banned here")
        self.fails("banned", "tests/unit/planted.c", HEAD + "int x = atoi(y);\n", "banned here")

    def test_what_only_looks_like_a_banned_call_passes(self):
        text = HEAD + '/* malloc(1) */\nconst char *s = "free(x)";\nint x = t->free(1) + o.time(2);\n'
        self.passes("banned", "src/model/planted.c", text)
        self.passes("banned", "src/base/planted.c", HEAD + "void *x = malloc(1);\n")

    def test_an_undocumented_public_function_is_named(self):
        naked = HEAD + "\nTULLE_API int tulle_planted(void);\n"
        self.fails("docs", "include/tulle/planted.h", naked, "tulle_planted() has no comment")
        wide = HEAD + "\nTULLE_API TULLE_MUST_USE enum tulle_error\ntulle_planted(int x);\n"
        self.fails("docs", "include/tulle/planted.h", wide, "tulle_planted() has no comment")
        self.passes("docs", "include/tulle/planted.h", naked.replace("TULLE", "/* So. */\nTULLE"))

    def test_a_header_that_does_not_stand_alone_is_named(self):
        self.fails("headers", "include/tulle/planted.h", HEAD + "uint32_t planted(void);\n", "")
        self.fails("headers", "include/tulle/planted.h", HEAD + "int planted(int class);\n", "c++17")
        self.passes("headers", "include/tulle/planted.h", HEAD + "int planted(int x);\n")

    def test_a_file_that_is_not_formatted_is_named(self):
        self.fails("format", "src/base/planted.c", HEAD + "\nint  x;\n", "clang-format")
        self.passes("format", "src/base/planted.c", HEAD + "\nint x;\n")

    def test_a_place_on_this_machine_is_named(self):
        self.fails("places", "src/base/planted.c", HEAD + "/* see /wo" + "rk/x */\n", "names")


if __name__ == "__main__":
    unittest.main()
