#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mslint: whether .metal files keep the rules that no clang on Linux enforces by itself.

  mslint.py [--clang clang++] [-I DIR] [-D NAME=VALUE] FILE.metal...

Three judges: the token rules (lint_rules.py), the translator's refusals, and the strict compile, with the size of static
threadgroup memory. Prints file:line: message; exits 1 if there is any.
"""
import argparse
import os
import sys
import tempfile

import glue
import lint_rules
import strict
import toolchain
from tokens import Refusal, Source


def lint(path, clang, includes, defines):
    try:
        text = toolchain.preprocess(clang, path, includes, defines)
    except toolchain.Failure as error:
        return [str(error)]
    messages = []
    try:
        source = Source(text, path)
        for position, message in lint_rules.findings(source):
            token = source.tokens[position]
            messages.append(f'{token.file}:{token.line}: {message}')
        cpp, _ = glue.translate(text, path, checked=False)
    except Refusal as error:
        return messages + [str(error)]
    if messages:
        return messages  # the strict compile would say the same in other words
    return strict_compile(cpp, path, clang)


def strict_compile(cpp, path, clang):
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, 'strict.cc')
        with open(name, 'w', encoding='utf-8') as file:
            file.write(cpp)
        try:
            assembly = toolchain.compile_to_assembly(clang, name, 'strict')
        except toolchain.Failure as error:
            return toolchain.errors_of(str(error)) or [str(error)]
    return [f'{path}:1: {message}' for message in strict.over_limit(assembly)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('files', nargs='+')
    parser.add_argument('--clang', default='clang++')
    parser.add_argument('-I', action='append', default=[])
    parser.add_argument('-D', action='append', default=[])
    arguments = parser.parse_args()
    messages = [m for path in arguments.files for m in lint(path, arguments.clang, arguments.I, arguments.D)]
    for message in dict.fromkeys(messages):
        print(message)
    return 1 if messages else 0


if __name__ == '__main__':
    sys.exit(main())
