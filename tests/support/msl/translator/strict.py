# SPDX-License-Identifier: Apache-2.0
"""What the strict compile tells beyond its errors: the bytes of static threadgroup memory of each kernel instance,
measured from the assembly, where every threadgroup variable is an object in section msl_tg (keywords.h)."""
import re

LIMIT = 32768
OBJECT = re.compile(r'^\s+\.type\s+(\S+),\s*[@%]object')
SECTION = re.compile(r'^\s+\.section\s+([^,\s]+)')
SIZE = re.compile(r'^\s+\.size\s+(\S+),\s*(\d+)')
LOCAL = re.compile(r'^(_ZZ.*E)(\d+)([A-Za-z_]\w*)$')  # a variable inside a function, mangled


def threadgroup_bytes(assembly):
    """Mangled function -> [(variable, bytes)]."""
    section, in_threadgroup, found = '', set(), {}
    for line in assembly.split('\n'):
        match = SECTION.match(line)
        if match:
            section = match.group(1)
        elif line.strip() in ('.text', '.data', '.bss'):
            section = line.strip()
        elif line.endswith(':') and section == 'msl_tg':
            in_threadgroup.add(line[:-1])
        match = SIZE.match(line)
        if match and match.group(1) in in_threadgroup:
            local = LOCAL.match(match.group(1))
            function = local.group(1) if local else match.group(1)
            name = local.group(3)[:int(local.group(2))] if local else match.group(1)
            found.setdefault(function, []).append((name.replace('msl_storage_', '', 1), int(match.group(2))))
    return found


def over_limit(assembly):
    """Messages about kernels with more threadgroup memory than a threadgroup can have."""
    messages = []
    for function, variables in threadgroup_bytes(assembly).items():
        total = sum(n for _, n in variables)
        if total > LIMIT:
            names = ', '.join(f'{name} ({n})' for name, n in variables)
            messages.append(f'{total} bytes of static threadgroup memory exceed {LIMIT}: {names} in {readable(function)}')
    return messages


def readable(mangled):
    names = []
    i = 0
    while i < len(mangled):
        match = re.compile(r'(\d+)').match(mangled, i)
        if match and 0 < int(match.group(1)) <= len(mangled) - match.end():
            name = mangled[match.end():match.end() + int(match.group(1))]
            if re.fullmatch(r'[A-Za-z_]\w*', name) and name != '_GLOBAL__N_1':
                names.append(name)
            i = match.end() + int(match.group(1))
        else:
            i += 1
    return names[0] if names else mangled
