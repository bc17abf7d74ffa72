# SPDX-License-Identifier: Apache-2.0
"""Gives the interpreter its line table: after every call of a check, a label, and in section msl_lines a row that says
which .metal line it came from. So reports need no debugger, no symbol tool and no debug information at run time.

Also renames the sanitizer's entry points to the interpreter's.
"""
import os
import re

CALL = re.compile(r'^\s+(?:callq?|bl)\s+((?:__asan_|__ubsan_)\w+)')
FILE = re.compile(r'^\s+\.file\s+(\d+)\s+"([^"]*)"(?:\s+"([^"]*)")?')
LOCATION = re.compile(r'^\s+\.loc\s+(\d+)\s+(\d+)')
ENTRY_POINT = re.compile(r'\b__(asan|ubsan)_')


def instrument(assembly):
    files, rows, out = {}, [], []
    location = (0, 0)
    for line in assembly.split('\n'):
        found = FILE.match(line)
        if found:
            number, first, second = found.groups()
            files[int(number)] = os.path.join(first, second) if second is not None else first
        found = LOCATION.match(line)
        if found and int(found.group(2)) > 0:  # line 0 is code that belongs to no line: keep the one before
            location = (int(found.group(1)), int(found.group(2)))
        out.append(ENTRY_POINT.sub(r'msl_\1_', line))
        if CALL.match(line):
            label = f'.Lmsl_check_{len(rows)}'
            out.append(label + ':')
            rows.append((label, location))
    if rows:
        out += table(rows, files)
    return '\n'.join(out) + '\n'


def table(rows, files):
    used = sorted({file for _, (file, _) in rows})
    out = ['\t.section\t.rodata.msl_files,"a",@progbits']
    for file in used:
        name = files.get(file, '?').replace('\\', '\\\\').replace('"', '\\"')
        out += [f'.Lmsl_file_{file}:', f'\t.asciz\t"{name}"']
    out += ['\t.section\tmsl_lines,"aw",@progbits', '\t.p2align\t3']
    for label, (file, line) in rows:
        out += [f'\t.quad\t{label}', f'\t.quad\t.Lmsl_file_{file}', f'\t.quad\t{line}']
    return out
