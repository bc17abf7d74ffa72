# SPDX-License-Identifier: Apache-2.0
"""Runs clang: preprocessing with MSL's macros and empty <metal_*> headers, and the three compiles of a translated file.

The checked object is instrumented by clang's address sanitizer with every check outlined, and by its alignment and
array-bounds checks; all of them are renamed to the interpreter's own functions (line_table.py), so no sanitizer runtime
is linked and the program around it may use a real one.
"""
import os
import platform
import re
import subprocess
import sys

import line_table

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)

LANGUAGE = ['-std=c++20', '-I' + os.path.join(ROOT, 'include'), '-fno-strict-aliasing', '-ffp-contract=off',
            '-fno-builtin', '-fno-exceptions', '-fno-rtti', '-fno-optimize-sibling-calls', '-fPIC',
            '-Xclang', '-cl-single-precision-constant', '-Xclang', '-fnative-half-type',
            '-Xclang', '-fallow-half-arguments-and-returns', '-Xclang', '-fconvergent-functions']
WARNINGS = ['-Wall', '-Werror', '-Wno-unused', '-Wno-unknown-attributes', '-Wno-ignored-attributes',
            '-Wno-duplicate-decl-specifier', '-Wno-vla-extension', '-Wno-unknown-warning-option']
CHECKED = ['-O1', '-gdwarf-4', '-gline-tables-only', '-fno-vectorize', '-fno-slp-vectorize',
           '-fsanitize=address,alignment,array-bounds', '-fsanitize-recover=alignment,array-bounds']
for option in ('-asan-instrumentation-with-call-threshold=0', '-asan-stack=0', '-asan-globals=0', '-asan-opt=0',
               '-asan-use-after-return=never', '-asan-instrument-atomics=0'):
    CHECKED += ['-mllvm', option]
# A barrier's call must not be copied: which one threads wait at is how divergence is seen. LLVM's passes respect that
# (`convergent`), but not those for x86 and arm64 machine code.
for option in ('-tail-dup-placement=0', '-disable-tail-duplicate', '-disable-early-taildup', '-enable-tail-merge=0'):
    LANGUAGE += ['-mllvm', option]
MODES = {
    'checked': ['-DMSL_STRICT=0', '-DMSL_CHECKED=1'] + CHECKED,
    'fast': ['-DMSL_STRICT=0', '-DMSL_CHECKED=0', '-O2'],
    'strict': ['-DMSL_STRICT=1', '-DMSL_CHECKED=0', '-O0'],
}


def machine_flags():
    return ['-mf16c'] if platform.machine() in ('x86_64', 'AMD64') else []


class Failure(Exception):
    """A tool said no; its message has been shown already or is the text."""


def errors_of(messages):
    """clang's errors, each at the .metal line that led to it where it stands in the shim itself."""
    found, pending = [], None
    for line in messages.split('\n'):
        match = re.match(r'(.*?):(\d+):\d+: (?:fatal )?(error|note): (.*)', line)
        if not match:
            continue
        file, number, kind, text = match.groups()
        if kind == 'error':
            found.append(f'{file}:{number}: {text}')
            pending = None if file.endswith('.metal') else text
        elif pending is not None and file.endswith('.metal') and 'requested here' in text:
            found[-1] = f'{file}:{number}: {pending}'
            pending = None
    return found


def run(command, **options):
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if result.returncode != 0:
        raise Failure(result.stderr.strip() or f'{command[0]} failed')
    if result.stderr.strip():
        print(result.stderr.strip(), file=sys.stderr)
    return result.stdout


def preprocess(clang, path, includes=(), defines=(), depfile=None, target=None):
    command = [clang, '-E', '-x', 'c++', '-std=c++17', '-undef', '-nostdinc', '-D__METAL__=1', '-D__METAL_VERSION__=310',
               '-D__METAL_MACOS__=1', '-I' + os.path.join(ROOT, 'stubs')]
    command += ['-I' + i for i in includes] + ['-D' + d for d in defines]
    if depfile:
        command += ['-MD', '-MF', depfile, '-MT', target]
    return run(command + [path])


def compile_to_assembly(clang, cpp, mode):
    """The assembly text of a translated file; clang's own messages name the .metal line."""
    return run([clang, '-x', 'c++', '-S', '-o', '-', cpp] + LANGUAGE + WARNINGS + machine_flags() + MODES[mode])


def assemble(clang, assembly, output):
    text = line_table.instrument(assembly)
    path = output + '.s'
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    run([clang, '-c', path, '-o', output])
    os.remove(path)
