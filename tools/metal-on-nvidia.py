#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Repeats launches of the Metal kernels on an NVIDIA GPU and compares what they leave in memory with what the
interpreter left, plainly and then under compute-sanitizer where that is installed. docs/metal-testing.md says how to
make the input.

  metal-on-nvidia.py --ptx DIR --launches DIR [--only REGEX] [--per-kind N]

Needs the driver (libcuda) and nothing else. Exits 1 if anything is wrong.
"""
import argparse
import collections
import ctypes
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

# Kernels with exp, which is another one here, and the largest error that this may make, relative to the largest number
# of a result. All others must leave the same bits.
WITH_EXP = re.compile(r'grouped_attention|latent_attention|moe_gate_up|router')
TOLERANCE = 2e-6
TOOLS = ('memcheck', 'racecheck', 'synccheck')
# Exit codes of a replay, besides 0 and 1.
NOT_STARTED = 2
CRASHED = 3  # the driver ended it
TIMED_OUT = 124


class Gpu:
    def __init__(self):
        self.cuda = ctypes.CDLL('libcuda.so.1')
        self.check(self.cuda.cuInit(0), 'cuInit')
        device, context, name = ctypes.c_int(), ctypes.c_void_p(), ctypes.create_string_buffer(99)
        self.check(self.cuda.cuDeviceGet(ctypes.byref(device), 0), 'cuDeviceGet')
        self.cuda.cuDeviceGetName(name, 99, device)
        self.name = name.value.decode()
        self.check(self.cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device), 'cuDevicePrimaryCtxRetain')
        self.check(self.cuda.cuCtxSetCurrent(context), 'cuCtxSetCurrent')

    def check(self, code, what):
        if code:
            text = ctypes.c_char_p()
            self.cuda.cuGetErrorName(code, ctypes.byref(text))
            raise RuntimeError(f'{what}: {text.value.decode() if text.value else code}')

    def load(self, path, drop_barrier_of=None):
        with open(path, 'rb') as file:
            ptx = file.read()
        if drop_barrier_of:
            ptx = without_first_barrier(ptx, drop_barrier_of)
        module = ctypes.c_void_p()
        self.check(self.cuda.cuModuleLoadData(ctypes.byref(module), ptx + b'\0'), os.path.basename(path))
        return module

    def allocate(self, size):
        pointer = ctypes.c_uint64()
        self.check(self.cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(max(size, 1))), 'cuMemAlloc')
        return pointer.value

    def free(self, address):
        self.check(self.cuda.cuMemFree_v2(ctypes.c_uint64(address)), 'cuMemFree')

    def write(self, address, data):
        self.check(self.cuda.cuMemcpyHtoD_v2(ctypes.c_uint64(address), data, ctypes.c_size_t(len(data))), 'copy to GPU')

    def read(self, address, size):
        data = ctypes.create_string_buffer(size)
        self.check(self.cuda.cuMemcpyDtoH_v2(data, ctypes.c_uint64(address), ctypes.c_size_t(size)), 'copy from GPU')
        return data.raw

    def set_constant(self, module, name, value):
        address, size = ctypes.c_uint64(), ctypes.c_size_t()
        code = self.cuda.cuModuleGetGlobal_v2(ctypes.byref(address), ctypes.byref(size), module, name.encode())
        self.check(code, name)
        self.write(address.value, value)

    def launch(self, module, name, grid, threads, buffers):
        function = ctypes.c_void_p()
        self.check(self.cuda.cuModuleGetFunction(ctypes.byref(function), module, name.encode()), name)
        parameter = ctypes.create_string_buffer(struct.pack('<31Q', *buffers), 31 * 8)
        parameters = (ctypes.c_void_p * 1)(ctypes.cast(parameter, ctypes.c_void_p))
        self.check(self.cuda.cuLaunchKernel(function, *grid, threads, 1, 1, 0, None, parameters, None), name)
        self.check(self.cuda.cuCtxSynchronize(), name)


def without_first_barrier(ptx, kernel):
    """The PTX of a file with one barrier of a kernel left out: what racecheck has to find."""
    definition = rb'\.func [^(]*' + kernel.encode() + rb'[^(]*\([^{;]*\)\s*\{'
    place = re.search(definition + rb'.*?\n(\s*bar\.sync[^\n]*\n)', ptx, re.S)
    return ptx[:place.start(1)] + ptx[place.end(1):]


class Launches:
    """What tests/backends/metal/launch_dump.h wrote."""

    def __init__(self, folder, only, per_kind):
        with open(os.path.join(folder, 'memory.bin'), 'rb') as file:
            self.memory = file.read()
        counts = collections.Counter()
        self.chosen = []
        with open(os.path.join(folder, 'launches.jsonl'), encoding='utf-8') as file:
            for line in file:
                launch = json.loads(line)
                kind = (launch['kernel'], launch['threads'], str(launch['constants']))
                counts[kind] += 1
                if re.search(only, launch['kernel']) and counts[kind] <= per_kind:
                    self.chosen.append(launch)

    def content(self, block, when):
        return self.memory[block[when]:block[when] + block['bytes']]


def replay(gpu, modules, constants, launches, launch):
    """The first difference, or ''; and the largest error."""
    blocks = launch['blocks']
    bases = [gpu.allocate(block['skew'] + block['bytes']) for block in blocks]
    starts = [base + block['skew'] for base, block in zip(bases, blocks)]
    for block, start in zip(blocks, starts):
        data = bytearray(launches.content(block, 'before'))
        for offset, target, inside in block['addresses']:
            struct.pack_into('<Q', data, offset, starts[target] + inside)
        gpu.write(start, bytes(data))
    buffers = [0] * 31
    failure = None
    for index, block, offset in launch['bindings']:
        buffers[index] = starts[block] + offset
        failure = block if index == 30 else failure
    module = modules[launch['file']]
    for index, value in launch['constants']:
        gpu.set_constant(module, constants[launch['file']][index], bytes.fromhex(value))
    gpu.launch(module, launch['kernel'], launch['grid'], launch['threads'], buffers)
    tolerance = TOLERANCE if WITH_EXP.search(launch['kernel']) else 0.0
    problem, error = '', 0.0
    for number, (block, start) in enumerate(zip(blocks, starts)):
        expected = launches.content(block, 'before' if block['after'] is None else 'after')
        found = gpu.read(start, block['bytes'])
        if block['addresses']:
            continue  # they differ; only blocks that the interpreter did not write have any
        if number == failure:
            expected, found = expected[:4], found[:4]  # which thread reports first is open
        what, worst = compare(expected, found, tolerance)
        error = max(error, worst)
        if what and not problem:
            problem = f'block {number} of {block["bytes"]} bytes: {what}'
    for base in bases:
        gpu.free(base)
    return problem, error


def compare(expected, found, tolerance):
    if expected == found:
        return '', 0.0
    n = len(expected) // 4
    if expected[4 * n:] != found[4 * n:]:
        return 'its last bytes differ', 0.0
    ints = zip(struct.unpack(f'<{n}I', expected[:4 * n]), struct.unpack(f'<{n}I', found[:4 * n]))
    different = [(i, a, b) for i, (a, b) in enumerate(ints) if a != b and not (is_nan(a) and is_nan(b))]
    floats = struct.unpack(f'<{n}f', expected[:4 * n])
    largest = max((abs(x) for x in floats if abs(x) < float('inf')), default=0.0)
    worst, problem = 0.0, ''
    for i, a, b in different:
        x, y = as_float(a), as_float(b)
        # Words that look like small integers are integers.
        off = float('inf') if max(a, b) < 1 << 23 or x - x != 0 or y - y != 0 else abs(x - y) / max(largest, 1e-30)
        worst = max(worst, off)
        if off > tolerance and not problem:
            problem = (f'word {i}: {a:#010x} ({x:.9g}) expected, {b:#010x} ({y:.9g}) found; '
                       f'{len(different)} of {n} differ')
    return problem, worst


def is_nan(word):
    return word & 0x7fffffff > 0x7f800000


def as_float(word):
    return struct.unpack('<f', struct.pack('<I', word))[0]


def constants_of(path):
    """Names of the function constants by index."""
    with open(path, encoding='utf-8') as file:
        found = re.findall(r'^// function constant (\d+): (\w+)', file.read(), re.M)
    return {int(index): name for index, name in found}


def run_here(arguments):
    gpu = Gpu()
    launches = Launches(arguments.launches, arguments.only, arguments.per_kind)
    modules, constants = {}, {}
    for name in sorted({launch['file'] for launch in launches.chosen}):
        path = os.path.join(arguments.ptx, name + '.ptx')
        modules[name] = gpu.load(path, arguments.drop_barrier_of)
        constants[name] = constants_of(path)
    rows = collections.OrderedDict()
    begin, crashed = time.time(), False
    for launch in launches.chosen:
        try:
            problem, error = replay(gpu, modules, constants, launches, launch)
        except RuntimeError as failure:  # the context is lost with it
            problem, error, crashed = f'{failure}; later launches were not run', 0.0, True
        row = rows.setdefault(launch['kernel'], [0, 0, 0, 0.0, ''])
        row[0] += 1
        row[1] += error == 0.0 and not problem
        row[2] += bool(problem)
        row[3] = max(row[3], error)
        row[4] = row[4] or problem
        if crashed:
            break
    print(f'{gpu.name}: {len(launches.chosen)} launches, {time.time() - begin:.1f} s')
    print(f'{"kernel":30}{"launches":>9}{"same bits":>10}{"wrong":>7}{"error":>10}')
    for kernel in sorted(rows):
        n, same, wrong, error, problem = rows[kernel]
        print(f'{kernel:30}{n:9}{same:10}{wrong:7}{error:10.1e}  {problem}')
    if crashed:
        return CRASHED
    return 1 if not rows or any(row[2] for row in rows.values()) else 0


def run_under(prefix, arguments, only, per_kind, extra=()):
    """Replays in a process of its own; its exit code and output. A kernel that hangs must not hang this script."""
    command = prefix + [sys.executable, os.path.abspath(__file__), '--here', '--ptx', arguments.ptx, '--launches',
                        arguments.launches, '--only', only, '--per-kind', str(per_kind)] + list(extra)
    with tempfile.TemporaryFile('w+') as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = process.wait(timeout=arguments.seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = TIMED_OUT
        output.seek(0)
        return code, output.read()


def run_plainly(arguments):
    """The rows of the table for results. After a crash, each kernel on its own."""
    code, text = run_under([], arguments, arguments.only, arguments.per_kind)
    print(text)
    if code in (0, 1):
        return [('results', code, 'as on the interpreter' if code == 0 else 'different')]
    if code == NOT_STARTED:
        return [('results', code, 'not started: ' + text.strip().split('\n')[-1])]
    rows = [('results', code, 'crashed or hung; each kernel on its own:')]
    names = {launch['kernel'] for launch in Launches(arguments.launches, arguments.only, 1).chosen}
    for name in sorted(names):
        code, text = run_under([], arguments, f'^{name}$', arguments.per_kind)
        rows.append(('  ' + name, code, '' if code == 0 else text.strip().split('\n')[-1]))
    return rows


def run_all(arguments):
    results = run_plainly(arguments)
    sanitizer = shutil.which('compute-sanitizer')
    for tool in TOOLS if sanitizer and results[0][1] != NOT_STARTED else ():
        command = [sanitizer, '--tool', tool, '--target-processes', 'all', '--error-exitcode', '9']
        command += ['--print-limit', '5']
        code, text = run_under(command, arguments, arguments.only, arguments.per_kind_checked)
        results.append((tool, code, summary(text, code)))
        if code:
            print(f'---- {tool}\n{text[-5000:]}')
        if tool == 'racecheck':  # does it see?
            code, text = run_under(command, arguments, '^rms_norm', 2, ['--drop-barrier-of', 'rms_norm'])
            seen = re.search(r'RACECHECK SUMMARY: [1-9]', text) is not None
            results.append(('racecheck, a barrier removed', 0 if seen else 1, summary(text, code)))
            if not seen:
                print(f'---- racecheck, a barrier removed\n{text[-3000:]}')
    if not sanitizer:
        print('compute-sanitizer is not installed: memory, races and barriers were not checked')
    print()
    for what, code, text in results:
        print(f'{what:32}{"ok" if code == 0 else "FAILED":8}{text}')
    return 1 if any(code for _, code, _ in results) else 0


def summary(text, code):
    if code == TIMED_OUT:
        return 'not finished in time'
    if 'Device not supported' in text:
        return 'compute-sanitizer says that it does not support this device'
    launches = re.search(r'\d+ launches', text)
    lines = [line.strip('= ') for line in text.split('\n') if 'SUMMARY' in line]
    return f'{launches.group() if launches else "no launches"}; {lines[-1] if lines else f"exit code {code}"}'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--ptx', required=True, help='folder written by mslptx.py')
    parser.add_argument('--launches', required=True, help='folder that MARLIN_DUMP_LAUNCHES named')
    parser.add_argument('--only', default='', help='regular expression for kernels')
    parser.add_argument('--per-kind', type=int, default=1000, help='launches of each kernel, threads and constants')
    parser.add_argument('--per-kind-checked', type=int, default=2, help='the same under compute-sanitizer')
    parser.add_argument('--seconds', type=int, default=300, help='for each way of running')
    parser.add_argument('--here', action='store_true', help='only replay, in this process')
    parser.add_argument('--drop-barrier-of', help='a kernel whose first barrier is left out')
    arguments = parser.parse_args()
    if not arguments.here:
        return run_all(arguments)
    try:
        return run_here(arguments)
    except (OSError, RuntimeError) as error:
        print(error)
        return NOT_STARTED


if __name__ == '__main__':
    sys.exit(main())
