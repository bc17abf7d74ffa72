# SPDX-License-Identifier: Apache-2.0
"""Finds what a .metal file offers the host: kernels with their parameters, instantiations of kernel templates, and
function constants. Each is taken out of the text in a form that C++ accepts."""
import re
from dataclasses import dataclass, field

from tokens import declaration_and_attributes, split_commas

BUILTINS = {
    'threadgroup_position_in_grid': 'kThreadgroupPositionInGrid',
    'thread_position_in_threadgroup': 'kThreadPositionInThreadgroup',
    'thread_position_in_grid': 'kThreadPositionInGrid',
    'threads_per_threadgroup': 'kThreadsPerThreadgroup',
    'dispatch_threads_per_threadgroup': 'kDispatchThreadsPerThreadgroup',
    'threadgroups_per_grid': 'kThreadgroupsPerGrid',
    'threads_per_grid': 'kThreadsPerGrid',
    'thread_index_in_threadgroup': 'kThreadIndexInThreadgroup',
    'thread_index_in_simdgroup': 'kThreadIndexInSimdgroup',
    'simdgroup_index_in_threadgroup': 'kSimdgroupIndexInThreadgroup',
    'simdgroups_per_threadgroup': 'kSimdgroupsPerThreadgroup',
    'dispatch_simdgroups_per_threadgroup': 'kDispatchSimdgroupsPerThreadgroup',
    'threads_per_simdgroup': 'kThreadsPerSimdgroup',
    'thread_execution_width': 'kThreadsPerSimdgroup',
}
MAX_BUFFER_INDEX = 30


@dataclass
class Parameter:
    name: str
    kind: str
    index: int = 0
    optional: bool = False


@dataclass
class Kernel:
    name: str
    host_name: str
    is_template: bool
    parameters: list
    body: tuple  # token positions of { and }
    max_threads: int = 0
    position: int = 0


@dataclass
class Instantiation:
    host_name: str
    expression: str  # rms_norm<float>
    position: int = 0


@dataclass
class Signatures:
    kernels: dict = field(default_factory=dict)
    instantiations: list = field(default_factory=list)
    constants: list = field(default_factory=list)  # (index, name)


def collect(source):
    signatures = Signatures()
    take_instantiations(source, signatures)
    take_function_constants(source, signatures)
    take_kernels(source, signatures)
    check_host_names(source, signatures)
    return signatures


def host_name_of(text):
    match = re.search(r'host_name\s*\(\s*((?:"[^"]*"\s*)+)\)', text)
    return ''.join(re.findall(r'"([^"]*)"', match.group(1))) if match else None


def take_instantiations(source, signatures):
    """template [[host_name("x")]] [[kernel]] void f<T>(...);  or  ... kernel decltype(f<T>) f<T>;"""
    for i in range(len(source)):
        if not source.is_name(i, 'template') or source.next(i) == '<':
            continue
        end = i
        while end < len(source) and source.text(end) != ';':
            end += 1
        text = source.string(i, end)
        host_name = host_name_of(text)
        if host_name is None:
            source.refuse(i, 'explicit instantiation without [[host_name("...")]]')
        rest = ' '.join(re.sub(r'\[\[.*?\]\]', ' ', text, flags=re.S).split())
        match = re.search(r'(?:\bvoid|\))\s+((?:\w+::)*\w+\s*<.*)$', rest)
        if not match:
            source.refuse(i, f"instantiation '{host_name}' is not of the form 'void kernel<...>(...)'")
        signatures.instantiations.append(Instantiation(host_name, drop_parameter_list(match.group(1)), i))
        source.blank(i, end + 1)


def drop_parameter_list(expression):
    """f<A, B>(x, y) -> f<A, B>"""
    depth = 0
    for k, character in enumerate(expression):
        depth += (character == '<') - (character == '>')
        if character == '(' and depth == 0:
            return expression[:k].strip()
    return expression.strip()


def take_function_constants(source, signatures):
    """constant bool b [[function_constant(0)]];  becomes a variable that the interpreter sets before a launch."""
    for i in range(len(source)):
        if source.text(i) != '[[':
            continue
        end = source.closing(i)
        match = re.search(r'function_constant\s*\(\s*(\d+)\s*\)', source.string(i, end))
        if not match:
            continue
        name = source.step(i, -1)
        begin = name
        while begin >= 0 and source.text(begin) not in (';', '}', 'constant'):
            begin -= 1
        if source.text(begin) != 'constant' or source.next(end) != ';':
            source.refuse(i, 'a function constant is declared as: constant T name [[function_constant(n)]];')
        signatures.constants.append((int(match.group(1)), source.text(name)))
        source.tokens[begin].text = f'static bool msl_defined_{source.text(name)}; MSL_FUNCTION_CONSTANT'
        source.blank(i, end + 1)
    names = {name for _, name in signatures.constants}
    for i in range(len(source)):  # constant bool c = a && b; would be computed once, before any launch
        if source.is_name(i, 'constant') and source.previous(i) in (';', '}', ''):
            end = i
            while source.text(end) not in (';', '{', '('):
                end += 1
            statement = [source.text(k) for k in range(i, end)]
            if source.text(end) != '(' and '=' in statement and names & set(statement):
                source.refuse(i, 'a program-scope constant computed from a function constant is not supported: '
                                 'compute it inside the kernel')


def take_kernels(source, signatures):
    for i in range(len(source)):
        if source.is_name(i, 'vertex', 'fragment') and source.is_name(source.step(i)):
            source.refuse(i, f"'{source.text(i)}' functions are not supported: compute kernels only")
        keyword = source.is_name(i, 'kernel') and source.previous(i) != '[['
        attribute = source.text(i) == '[[' and source.next(i) == 'kernel'
        if not keyword and not attribute:
            continue
        end = source.closing(i) if attribute else i
        attributes, start = attributes_before(source, i)
        j = source.step(end)
        while source.text(j) == '[[':
            close = source.closing(j)
            attributes += source.string(j, close + 1)
            source.blank(j, close + 1)
            j = source.step(close)
        if source.text(j) != 'void':
            source.refuse(j, 'a kernel must return void')
        name = source.step(j)
        opening = source.step(name)
        if source.text(opening) != '(':
            source.refuse(name, 'a kernel is written: kernel void name(parameters)')
        closing = source.closing(opening)
        brace = source.step(closing)
        if source.text(brace) != '{':
            source.refuse(name, f"kernel '{source.text(name)}' has no body")
        limit = re.search(r'max_total_threads_per_threadgroup\s*\(\s*(\d+)\s*\)', attributes)
        kernel = Kernel(source.text(name), host_name_of(attributes) or source.text(name),
                        source.previous(start) == '>', parameters_of(source, opening, closing, source.text(name)),
                        (brace, source.closing(brace)), int(limit.group(1)) if limit else 0, name)
        if kernel.name in signatures.kernels:
            source.refuse(name, f"kernel '{kernel.name}' is defined twice")
        signatures.kernels[kernel.name] = kernel
        source.blank(i, end + 1)
        # Inlined into its entry point, which has no lines of its own, a kernel would lose its lines too.
        source.tokens[i].text = '__attribute__((noinline)) '


def attributes_before(source, i):
    """[[max_total_threads_per_threadgroup(256)]] kernel void ...: their text, and where they begin; takes them out."""
    text, start = '', i
    while source.previous(start) == ']]':
        close = source.step(start, -1)
        start = close
        while source.text(start) != '[[':
            start -= 1
        text += source.string(start, close + 1)
        source.blank(start, close + 1)
    return text, start


def parameters_of(source, opening, closing, kernel):
    parameters = []
    for part in split_commas(source.tokens[opening + 1:closing]):
        position = opening + 1 + source.tokens[opening + 1:closing].index(
            next(t for t in part if t.kind not in ('space', 'newline', 'marker')))
        declaration, attributes = declaration_and_attributes(part)
        name = re.search(r'(\w+)\s*(?:\[.*\])?$', declaration)
        what = f"parameter '{name.group(1) if name else declaration}' of kernel '{kernel}'"
        optional = any(a.startswith('function_constant') for a in attributes)
        found = [a for a in attributes if not a.startswith('function_constant')]
        if not found:
            source.refuse(position, f'{what} has no attribute: write [[buffer(n)]], [[threadgroup(n)]] or a built-in one')
        if '[' in declaration:
            source.refuse(position, f'{what} is an array: write a pointer')
        match = re.fullmatch(r'(buffer|threadgroup)\s*\(\s*(\d+)\s*\)', found[0])
        if match:
            kind = 'kBuffer' if match.group(1) == 'buffer' else 'kThreadgroup'
            if kind == 'kBuffer' and int(match.group(2)) > MAX_BUFFER_INDEX:
                source.refuse(position, f'{what}: buffer index {match.group(2)} exceeds {MAX_BUFFER_INDEX}')
            parameters.append(Parameter(name.group(1), kind, int(match.group(2)), optional))
        elif found[0] in BUILTINS:
            parameters.append(Parameter(name.group(1), BUILTINS[found[0]]))
        else:
            source.refuse(position, f'{what} has an unknown or unsupported attribute [[{found[0]}]]')
    return parameters


def check_host_names(source, signatures):
    seen = {}
    for kernel in signatures.kernels.values():
        if not kernel.is_template:
            seen[kernel.host_name] = kernel
    for instantiation in signatures.instantiations:
        base = re.match(r'[\w:]+', instantiation.expression).group(0).split('::')[-1]
        if base not in signatures.kernels:
            source.refuse(instantiation.position, f"'{instantiation.host_name}' instantiates '{base}', "
                                                  'which is no kernel of this file')
        if instantiation.host_name in seen:
            source.refuse(instantiation.position, f"host name '{instantiation.host_name}' is used twice")
        seen[instantiation.host_name] = instantiation
