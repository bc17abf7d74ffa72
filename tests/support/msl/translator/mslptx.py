#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mslptx: .metal files -> PTX for NVIDIA GPUs, by clang's NVPTX target with Metal's address spaces kept apart.

  mslptx.py --clang clang++-14 [-I DIR] [-D NAME=VALUE] [--arch sm_80] --output DIR FILE.metal...

Writes DIR/FILE.ptx, whose entry points have the kernels' host names and take one msl::Buffers (include/ptx/seam.h); a
function constant is a variable of the module, named at the end of the file. PTX for sm_80 runs on every later GPU.
tools/metal-on-nvidia.py runs it.
"""
import argparse
import os
import platform
import re
import subprocess
import sys

import glue
import toolchain
from tokens import Refusal

FLAGS = ['--target=nvptx64-nvidia-cuda', '-O3', '-ffreestanding', '-DMSL_PTX=1', '-DMSL_STRICT=1', '-DMSL_CHECKED=0']
MAX_THREADS = 1024  # of a threadgroup, for all kernels: bounds their registers
BUFFERS = r'%"?struct\.msl::Buffers"?\*'


def target_flags(arch):
    return ['-Xclang', '-target-cpu', '-Xclang', arch, '-Xclang', '-target-feature', '-Xclang', '+ptx70']


def host_headers(clang):
    """The C++ headers of this machine, for <type_traits> and the like: freestanding, they hold nothing that a GPU
    lacks. glibc's want to know the host's architecture."""
    messages = subprocess.run([clang, '-E', '-x', 'c++', '-v', os.devnull], stderr=subprocess.PIPE, text=True,
                              stdout=subprocess.DEVNULL, check=True).stderr
    folders = re.search(r'<\.\.\.> search starts here:\n(.*)End of search list', messages, re.S).group(1).split()
    return [flag for folder in folders for flag in ('-isystem', folder)] + [f'-D__{platform.machine()}__=1']


def annotate(ir, host_names):
    """Marks the entry points in the IR: clang has no attribute for that outside CUDA."""
    rows = []
    for name in host_names:
        match = re.search(rf'^define .*void @"?(?:\\01)?{re.escape(name)}"?\(({BUFFERS})', ir, re.M)
        if not match:
            raise toolchain.Failure(f'{name} is not in the IR')
        function = f'void ({match.group(1)})* @"{re.search(r"@(.*?)[(]", match.group(0)).group(1).strip(chr(34))}"'
        rows.append(f'!{{{function}, !"kernel", i32 1}}')
        rows.append(f'!{{{function}, !"maxntidx", i32 {MAX_THREADS}}}')
    ir = re.sub(r'^!nvvm\.annotations.*\n', '', ir, flags=re.M)
    first = 1 + max([int(n) for n in re.findall(r'^!(\d+) =', ir, re.M)], default=0)
    named = ', '.join(f'!{first + i}' for i in range(len(rows)))
    lines = [ir, f'!nvvm.annotations = !{{{named}}}'] + [f'!{first + i} = {row}' for i, row in enumerate(rows)]
    return '\n'.join(lines) + '\n'


def build(path, arguments):
    prefix = os.path.join(arguments.output, os.path.splitext(os.path.basename(path))[0])
    text = toolchain.preprocess(arguments.clang, path, arguments.I, arguments.D)
    cpp, host_names = glue.translate(text, path, checked=False)
    with open(prefix + '.ptx.cc', 'w', encoding='utf-8') as file:
        file.write(cpp)
    target = FLAGS + target_flags(arguments.arch)
    ir = toolchain.run([arguments.clang, '-x', 'c++', '-S', '-emit-llvm', '-o', '-', prefix + '.ptx.cc'] +
                       toolchain.LANGUAGE + toolchain.WARNINGS + target + host_headers(arguments.clang))
    with open(prefix + '.ll', 'w', encoding='utf-8') as file:
        file.write(annotate(ir, host_names))
    toolchain.run([arguments.clang, '-x', 'ir', '-S', '-o', prefix + '.ptx', prefix + '.ll', '-O3', '-ffp-contract=off',
                   FLAGS[0]] + target_flags(arguments.arch))
    with open(prefix + '.ptx', 'a', encoding='utf-8') as file:
        for index, name in re.findall(r'^MSL_CONSTANT\(\d+, (\d+), (\w+)\)', cpp, re.M):
            file.write(f'// function constant {index}: {name}\n')
    return host_names


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sources', nargs='+')
    parser.add_argument('--output', required=True, help='folder of the files written')
    parser.add_argument('--clang', default='clang++-14')
    parser.add_argument('--arch', default='sm_80', help='the oldest GPU that shall run it')
    parser.add_argument('-I', action='append', default=[])
    parser.add_argument('-D', action='append', default=[])
    arguments = parser.parse_args()
    os.makedirs(arguments.output, exist_ok=True)
    try:
        for path in arguments.sources:
            print(f'{os.path.basename(path)}: {", ".join(build(path, arguments))}')
    except (Refusal, toolchain.Failure) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
