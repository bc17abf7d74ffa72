#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mslint names every mistake of lint/ (one a file, its expected words on line 2, the mistake on line 5), and nothing in
the project's own kernels.

  lint_test.py mistakes CLANG    or    lint_test.py project CLANG
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, '..', '..', '..', '..'))
sys.path.insert(0, os.path.join(HERE, '..', 'translator'))
import mslint  # noqa: E402


def metal_files(folder):
    return sorted(os.path.join(path, name) for path, _, names in os.walk(folder) for name in names
                  if name.endswith('.metal'))


def mistakes(clang):
    failures = []
    files = metal_files(os.path.join(HERE, 'lint'))
    for path in files:
        with open(path, encoding='utf-8') as file:
            expected = file.read().split('\n')[1].removeprefix('// expect: ')
        messages = mslint.lint(path, clang, [], [])
        # The size of threadgroup memory is known for a whole kernel, and told at line 1.
        line = 1 if 'exceed 32768' in expected else 5
        if not any(expected in m and m.startswith(f'{path}:{line}:') for m in messages):
            failures.append(f'{os.path.basename(path)}: expected line {line}, "{expected}", got: {messages}')
    print(f'{len(files) - len(failures)} of {len(files)} mistakes named')
    return failures if files else ['no files in lint/']


def project(clang):
    files = [path for folder in ('src', 'tests') for path in metal_files(os.path.join(ROOT, folder))
             if os.path.join('msl', 'tests', 'lint') not in path]
    failures = [m for path in files for m in mslint.lint(path, clang, [os.path.join(ROOT, 'src')], [])]
    print(f'{len(files)} files, {len(failures)} messages')
    return failures if files else ['no .metal files found']


def main():
    failures = {'mistakes': mistakes, 'project': project}[sys.argv[1]](sys.argv[2])
    print('\n'.join(failures))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
