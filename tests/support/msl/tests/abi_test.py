#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every header of src/abi either is included by kernels/abi_headers.metal, and so compiled as MSL, or is refused for the
reason below. A header that is neither, or is refused no longer, fails this test: decide where it belongs.

  abi_test.py CLANG
"""
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.abspath(os.path.join(HERE, '..', '..', '..', '..', 'src'))
sys.path.insert(0, os.path.join(HERE, '..', 'translator'))
import mslint  # noqa: E402

REFUSED = {}  # header: the message


def messages_about(header, clang):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'includes.metal')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'#include <metal_stdlib>\n#include "abi/{header}"\n')
        return mslint.lint(path, clang, [SOURCES], [])


def main():
    with open(os.path.join(HERE, 'kernels', 'abi_headers.metal'), encoding='utf-8') as file:
        included = file.read()
    failures = []
    for header in sorted(os.listdir(os.path.join(SOURCES, 'abi'))):
        if not header.endswith('.h'):
            continue
        is_included = f'#include "abi/{header}"' in included
        if is_included == (header in REFUSED):
            failures.append(f'src/abi/{header}: belongs into exactly one of abi_headers.metal and REFUSED')
        elif header in REFUSED:
            messages = messages_about(header, sys.argv[1])
            if not any(REFUSED[header] in m for m in messages):
                failures.append(f'src/abi/{header}: refused no longer ({messages}): move it to abi_headers.metal')
    print('\n'.join(failures) or 'every header of src/abi is accounted for')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
