#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mslcc: a .metal file -> objects that a test links with the interpreter (cmake: marlin_metal_kernels).

  mslcc.py --clang clang++ [-I DIR] [-D NAME=VALUE] --output PREFIX FILE.metal

Writes PREFIX.checked.o, PREFIX.fast.o, PREFIX.d and, after the strict compile, PREFIX.strict. Exits 1 with messages of
the form file:line: what.
"""
import argparse
import os
import sys

import glue
import strict
import toolchain
from tokens import Refusal


def build(arguments):
    prefix, clang = arguments.output, arguments.clang
    text = toolchain.preprocess(clang, arguments.source, arguments.I, arguments.D, prefix + '.d',
                                prefix + '.checked.o')
    modes = arguments.modes.split(',')
    for mode in modes:
        cpp, _ = glue.translate(text, arguments.source, checked=mode == 'checked')
        path = f'{prefix}.{mode}.cc'
        with open(path, 'w', encoding='utf-8') as file:
            file.write(cpp)
        assembly = toolchain.compile_to_assembly(clang, path, mode)
        if mode == 'strict':
            check_strict(assembly, arguments.source, prefix)
        else:
            toolchain.assemble(clang, assembly, f'{prefix}.{mode}.o')


def check_strict(assembly, source, prefix):
    messages = strict.over_limit(assembly)
    if messages:
        raise toolchain.Failure('\n'.join(f'{source}:1: {m}' for m in messages))
    with open(prefix + '.strict', 'w', encoding='utf-8') as file:
        for function, variables in strict.threadgroup_bytes(assembly).items():
            file.write(f'{strict.readable(function)} {sum(n for _, n in variables)}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source')
    parser.add_argument('--output', required=True, help='prefix of the files written')
    parser.add_argument('--clang', default='clang++')
    parser.add_argument('--modes', default='strict,checked,fast')
    parser.add_argument('-I', action='append', default=[])
    parser.add_argument('-D', action='append', default=[])
    arguments = parser.parse_args()
    os.makedirs(os.path.dirname(os.path.abspath(arguments.output)), exist_ok=True)
    try:
        build(arguments)
    except (Refusal, toolchain.Failure) as error:
        print(error, file=sys.stderr)
        for message in toolchain.errors_of(str(error)):
            print('mslcc: ' + message, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
