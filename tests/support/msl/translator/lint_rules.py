# SPDX-License-Identifier: Apache-2.0
"""Rules that Apple's compiler (or the house) has and clang has not, over the tokens of a preprocessed file. A rule is a
generator of (token position, message). What the strict compile and the translator refuse already is not repeated."""
import re

import rewrite
import signatures as collect
from tokens import declaration_and_attributes, split_commas

SPACES = ('device', 'constant', 'threadgroup', 'thread')
BANNED = {
    'double': 'MSL has no double', 'goto': 'MSL has no goto', 'virtual': 'MSL has no virtual functions',
    'try': 'MSL has no exceptions', 'catch': 'MSL has no exceptions', 'throw': 'MSL has no exceptions',
    'noexcept': 'MSL has no exceptions', 'new': 'MSL has no new', 'delete': 'MSL has no delete',
    'dynamic_cast': 'MSL has no run-time types', 'typeid': 'MSL has no run-time types',
    'thread_local': 'MSL has no thread_local', 'register': 'MSL has no register', 'asm': 'MSL has no inline assembly',
    '__asm__': 'MSL has no inline assembly', 'wchar_t': 'MSL has no wchar_t', 'char8_t': 'not in C++17',
    'concept': 'not in C++17', 'requires': 'not in C++17', 'consteval': 'not in C++17', 'constinit': 'not in C++17',
    'co_await': 'MSL has no coroutines', 'co_yield': 'MSL has no coroutines', 'co_return': 'MSL has no coroutines',
}
FIXED_WIDTH = re.compile(r'u?int(8|16|32|64)_t')
MAX_HALF = 65504.0


class File:
    """A file's tokens, with what several rules need to know."""

    def __init__(self, source, signatures):
        self.source = source
        self.signatures = signatures
        self.structs = struct_bodies(source)
        self.types = set(rewrite.SCALARS) | rewrite.VECTORS | {'void'} | set(self.structs) | \
            rewrite.template_types(source)
        self.scope = scopes(source)
        self.functions = function_definitions(source, self.scope)


def struct_bodies(source):
    """name -> positions of { and }"""
    found = {}
    for i in range(len(source)):
        if source.is_name(i, 'struct', 'class', 'union') and source.previous(i) not in ('<', ',', 'enum'):
            name = source.step(i)
            brace = source.step(name)
            while source.text(brace) in (':', ',', 'public') or source.is_name(brace):
                brace = source.step(brace)
            if source.is_name(name) and source.text(brace) == '{':
                found[source.text(name)] = (brace, source.closing(brace))
    return found


def scopes(source):
    """For each token the kinds of the braces around it: 'namespace', 'type' or 'function'."""
    stack, result, start = [], [], 0
    for i in range(len(source)):
        text = source.text(i) if source.tokens[i].kind == 'op' else ''
        if text == '}' and stack:
            stack.pop()
        result.append(tuple(stack))
        if text == '{':
            head = source.string(start, i)
            if re.search(r'\bnamespace\b', head):
                kind = 'namespace'
            elif re.search(r'\b(struct|class|union|enum)\b', head) and ')' not in head:
                kind = 'type'
            else:
                kind = 'function'
            stack.append(kind)
        if text in (';', '{', '}'):
            start = i + 1
    return result


def function_definitions(source, scope):
    """(name, position of the name, ( position, ) position, { position, } position)"""
    found = []
    for i in range(len(source)):
        if source.text(i) != '{' or 'function' in scope[i]:
            continue
        closing = source.step(i, -1)
        if source.text(closing) == 'const':
            closing = source.step(closing, -1)
        if source.text(closing) != ')':
            continue
        depth, opening = 0, closing
        while opening >= 0:
            depth += (source.text(opening) == ')') - (source.text(opening) == '(')
            if depth == 0:
                break
            opening -= 1
        name = source.step(opening, -1)
        if source.is_name(name):
            found.append((source.text(name), name, opening, closing, i, source.closing(i)))
    return found


def banned_words(file):
    source = file.source
    for i, token in enumerate(source.tokens):
        if token.kind != 'name':
            continue
        if token.text in BANNED:
            yield i, BANNED[token.text]
        elif token.text == 'long' and source.next(i) == 'long':
            yield i, 'MSL has no long long'
        elif token.text == 'std':
            after = source.text(source.step(source.step(i)))
            if token.file.endswith('.metal') or not FIXED_WIDTH.fullmatch(after):
                yield i, 'MSL has no C++ standard library'


def derived_classes(file):
    for name, (brace, _) in file.structs.items():
        position = brace
        while file.source.text(position) != name:
            position -= 1
        if file.source.next(position) == ':':
            yield position, 'MSL has no derived classes'


def functional_constructs(file):
    source = file.source
    for i, token in enumerate(source.tokens):
        if 'function' not in file.scope[i] or token.kind not in ('op', 'name'):
            continue
        if token.text == '[' and source.previous(i) in ('=', '(', ',', 'return') and source.next(i) in (']', '&', '='):
            yield i, 'MSL has no lambda expressions before Metal 4'
        elif token.text == '(' and source.next(i) == '*':
            name = source.step(source.step(i))
            closing = source.step(name)
            if source.is_name(name) and source.text(closing) == ')' and source.next(closing) == '(' \
                    and source.is_name(source.step(i, -1)):
                yield i, 'MSL has no function pointers'
        elif token.text == 'static' and source.next(i) not in ('constant', 'constexpr'):
            yield i, 'MSL has no static variables in functions'


def recursion(file):
    defined = {}
    for name, position, _, _, begin, end in file.functions:
        defined.setdefault(name, []).append((position, begin, end))
    calls = {}
    for name, places in defined.items():
        calls[name] = {file.source.text(k) for _, begin, end in places for k in range(begin, end)
                       if file.source.is_name(k) and file.source.text(k) in defined
                       and file.source.next(k) in ('(', '<')}
    for name, places in defined.items():
        reached, work = set(), [name]
        while work:
            for called in calls[work.pop()]:
                if called not in reached:
                    reached.add(called)
                    work.append(called)
        if name in reached:
            yield places[0][0], f"MSL has no recursion: '{name}' reaches itself"


def program_scope_variables(file):
    source, start = file.source, 0
    for i in range(len(source)):
        text = source.text(i)
        outside = all(kind == 'namespace' for kind in file.scope[i])
        if outside and text == ';':
            position = source.step(start - 1)
            statement = re.sub(r'\[\[.*?\]\]', '', source.string(start, i), flags=re.S).strip()
            left = statement.split('=')[0]
            if statement and not re.match(r'(using|typedef|template|struct|class|enum|union|namespace|static_assert|'
                                          r'extern|friend)\b', statement) \
                    and '(' not in left and 'constant' not in left.split() and 'MSL_FUNCTION_CONSTANT' not in left \
                    and re.match(r'[\w:<>, ]+\s+\w+', left):
                yield position, 'a program-scope variable must be in the constant address space: ' + left.strip()
        if text in (';', '}') or (text == '{' and outside):
            start = i + 1


def address_spaces(file):
    """float* p and float& r say nothing about where; Apple's compiler wants it said, for parameters and variables."""
    source = file.source
    for i, token in enumerate(source.tokens):
        if token.kind != 'name' or source.next(i) not in ('*', '&'):
            continue
        star = source.step(i)
        if token.text == 'auto':
            yield i, "'auto' with '" + source.text(star) + "' hides the address space: write the type"
            continue
        if token.text not in file.types or source.text(source.step(star)) == '=':
            continue
        begin, depth = i, 0
        while begin >= 0:
            text = source.text(begin)
            depth += (text in (')', ']', '}', '>')) - (text in ('(', '[', '{', '<'))
            if text in (';', '{', '}') or (text in ('(', ',', '<') and depth <= 0 and begin != i):
                break
            begin -= 1
        words = {source.text(k) for k in range(begin + 1, i)}
        after = source.text(source.step(star))
        is_declaration = source.is_name(source.step(star)) or after in (')', '>', ',', '*')
        if is_declaration and not words & set(SPACES) and not words & {'=', 'return', '+', '-', '/', '*'}:
            yield i, f"'{token.text}{source.text(star)}' has no address space: device, constant, threadgroup or thread"


def half_literals(file):
    source = file.source
    for i, token in enumerate(source.tokens):
        if token.kind != 'number' or token.text.lower().startswith('0x'):
            continue
        digits = token.text.rstrip('fFhHuUlL')
        try:
            too_large = float(digits) > MAX_HALF
        except ValueError:
            continue
        if not too_large:
            continue
        before = source.step(i, -1)
        if source.text(before) == '-':
            before = source.step(before, -1)
        in_half = source.text(before) == '(' and source.previous(before) == 'half'
        assigned = source.text(before) == '=' and source.text(source.step(source.step(before, -1), -1)) == 'half'
        if token.text[-1] in 'hH' or in_half or assigned:
            yield i, f'{token.text} is infinite as a half'


def argument_structs(file):
    """Members whose size the host and the kernel may see differently."""
    source = file.source
    for kernel in file.signatures.kernels.values():
        opening = source.step(kernel.position)
        for part in split_commas(source.tokens[opening + 1:source.closing(opening)]):
            declaration, _ = declaration_and_attributes(part)
            match = re.search(r'([\w:]+)\s*[*&]\s*\w+$', declaration)
            name = match.group(1).split('::')[-1] if match else ''
            if name in ('bool', 'size_t', 'ptrdiff_t', 'long'):
                yield kernel.position, f"kernel '{kernel.name}' takes '{name}' from the host: use a fixed-width type"
            for k in range(*file.structs.get(name, (0, 0))):
                if source.is_name(k, 'bool', 'size_t', 'ptrdiff_t', 'long') and source.previous(k) in ('{', ';', '::', 'unsigned'):
                    yield k, f"'{source.text(k)}' in argument struct '{name}': use a fixed-width type"
                elif source.text(k) in ('*', '&') and source.tokens[k].kind == 'op':
                    yield k, f"a pointer in argument struct '{name}': pass the address as ulong"


def templates_without_instances(file):
    bases = {re.match(r'[\w:]+', i.expression).group(0).split('::')[-1] for i in file.signatures.instantiations}
    for kernel in file.signatures.kernels.values():
        if kernel.is_template and kernel.name not in bases:
            yield kernel.position, f"kernel template '{kernel.name}' is instantiated under no host name"


def repeated_indices(file):
    for kernel in file.signatures.kernels.values():
        seen = set()
        for p in kernel.parameters:
            if p.kind in ('kBuffer', 'kThreadgroup'):
                if (p.kind, p.index) in seen:
                    what = 'buffer' if p.kind == 'kBuffer' else 'threadgroup'
                    yield kernel.position, f"[[{what}({p.index})]] is used twice in kernel '{kernel.name}'"
                seen.add((p.kind, p.index))


def stored_bfloat(file):
    """House rule: clang 14 cannot check loads of a class from device memory."""
    source = file.source
    for i, token in enumerate(source.tokens):
        if token.kind == 'name' and token.text == 'bfloat' and source.next(i) in ('*', '&'):
            if source.previous(i) in ('device', 'constant', 'threadgroup', 'const'):
                yield i, 'bf16 is stored as ushort and converted with as_type<bfloat> (house rule)'


RULES = [banned_words, derived_classes, functional_constructs, recursion, program_scope_variables, address_spaces,
         half_literals, argument_structs, templates_without_instances, repeated_indices, stored_bfloat]


def findings(source):
    """(position, message) of all rules; the source is changed by collecting its signatures."""
    file = File(source, collect.collect(source))
    return [found for rule in RULES for found in rule(file)]
