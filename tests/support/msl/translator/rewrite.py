# SPDX-License-Identifier: Apache-2.0
"""The token passes that turn MSL's spelling into C++'s: threadgroup variables, literals, constructors and casts of
vectors, attributes. Address space keywords stay; include/shim/keywords.h gives them their meaning."""
import re

SCALARS = 'half bfloat float bool char uchar short ushort int uint long ulong'.split()
VECTORS = {scalar + n for scalar in SCALARS for n in '234'}
SPACES = ('thread', 'threadgroup', 'device', 'constant')


def rewrite(source, signatures):
    refuse_member_functions_with_address_space(source)
    drop_attributes(source)
    hoist_threadgroup_variables(source, signatures)
    spell_literals(source)
    spell_vectors(source)


def refuse_member_functions_with_address_space(source):
    for i in range(len(source)):
        if source.is_name(i, *SPACES) and source.next(i) in ('{', ';'):
            before = source.step(i, -1)
            if source.text(before) == 'const':
                before = source.step(before, -1)
            if source.text(before) == ')':
                source.refuse(i, 'member functions qualified by an address space are not supported')


def drop_attributes(source):
    for i in range(len(source)):
        if source.text(i) == '[[':
            source.blank(i, source.closing(i) + 1)


def hoist_threadgroup_variables(source, signatures):
    """threadgroup float a[4], b;  ->  MSL_THREADGROUP(0, a, ([4]), float); MSL_THREADGROUP(1, b, (), float);"""
    bodies = [kernel.body for kernel in signatures.kernels.values()]
    next_id = {}
    for i in range(len(source)):
        if not source.is_name(i, 'threadgroup') or source.previous(i) not in ('{', '}', ';'):
            continue
        end, depth, is_pointer, initialised = i, 0, False, None
        while depth > 0 or source.text(end) != ';':
            text = source.text(end)
            depth += (text in '([{' and text != '') - (text in ')]}' and text != '')
            is_pointer |= depth == 0 and text in ('*', '&')
            if depth == 0 and text == '=' and initialised is None:
                initialised = end
            end += 1
            if end >= len(source):
                source.refuse(i, 'this declaration never ends')
        if is_pointer:
            continue
        body = next((b for b in bodies if b[0] < i < b[1]), None)
        if body is None:
            source.refuse(i, 'a threadgroup variable must be declared in a kernel')
        if initialised is not None:
            source.refuse(initialised, 'a threadgroup variable cannot be initialised where it is declared')
        first = next_id.get(body, 0)
        declarations = declarators(source, i, end)
        next_id[body] = first + len(declarations)
        newlines = ''.join(t.text for t in source.tokens[i:end] if t.kind in ('newline', 'marker'))
        source.blank(i, end)
        for token in source.tokens[i:end]:
            token.text = ''
        source.tokens[i].text = ' '.join(
            f'MSL_THREADGROUP({first + n}, {name}, ({dimensions}), {kind});'
            for n, (kind, name, dimensions) in enumerate(declarations)) + newlines
        source.tokens[i].kind = 'space'


def declarators(source, begin, end):
    text = ' '.join(source.string(source.step(begin), end).split())
    match = re.match(r'((?:alignas\s*\(.*?\)\s*)?(?:const\s+)?(?:\w+::)*\w+\s*(?:<.*>)?)\s+(\w+\b.*)$', text) or \
        re.match(r'((?:\w+::)*\w+\s*<.*>)\s*(\w+\b.*)$', text)
    if not match:
        source.refuse(begin, f"threadgroup variable not understood: '{text}'")
    found = []
    for part in re.split(r',(?![^\[]*\])', match.group(2)):
        one = re.fullmatch(r'\s*(\w+)\s*((?:\[.*\])?)\s*', part)
        if not one:
            source.refuse(begin, f"threadgroup variable not understood: '{part.strip()}'")
        found.append((match.group(1), one.group(1), one.group(2)))
    return found


def spell_literals(source):
    """1.5h -> ((half)1.5), 2bf -> ((bfloat)2.0f)"""
    for token in source.tokens:
        if token.kind != 'number' or token.text.lower().startswith('0x'):
            continue
        if token.text[-1] in 'hH':
            token.text = f'((half){token.text[:-1]})'
        elif token.text.lower().endswith('bf'):
            digits = token.text[:-2]
            token.text = f"((bfloat){digits if '.' in digits else digits + '.0'}f)"


def template_types(source):
    names = set()
    for i in range(len(source)):
        if source.is_name(i, 'typename', 'class') and source.previous(i) in ('<', ','):
            name = source.step(i)
            if source.is_name(name) and source.next(name) in (',', '>', '='):
                names.add(source.text(name))
    return names


def spell_vectors(source):
    """float4(a, b) -> ::msl::make<float4>(a, b); (float4)x -> ::msl::cast<float4>{}->*x. A template's type parameter may
    stand for a vector, so casts to one are treated alike."""
    types = template_types(source)
    for i in range(len(source)):
        if not source.is_name(i):
            continue
        token = source.tokens[i]
        if token.text == 'vec' and source.next(i) == '<':
            spell_vec_template(source, i)
            continue
        if token.text not in VECTORS and token.text not in types:
            continue
        following, before = source.step(i), source.step(i, -1)
        if source.text(following) == '(' and token.text in VECTORS and source.text(before) not in ('operator', 'typename'):
            token.text = f'::msl::make<{token.text}>'
        elif source.text(following) == ')' and source.text(before) == '(' and is_cast(source, before, following):
            name = token.text
            source.blank(before, following + 1)
            token.kind, token.text = 'name', f'::msl::cast<{name}>{{}}->*'


def is_cast(source, opening, closing):
    before, after = source.step(opening, -1), source.step(closing)
    if source.is_name(before) and source.text(before) != 'return':
        return False
    return source.tokens[after].kind in ('name', 'number') or source.text(after) in ('(', '-', '+', '::')


def spell_vec_template(source, i):
    opening = source.step(i)
    closing = source.closing_angle(opening)
    if source.next(closing) != '(':
        return
    prefix = ''
    before = source.step(i, -1)
    if source.text(before) == '::':
        namespace = source.step(before, -1)
        prefix = source.text(namespace) + '::'
        source.blank(namespace, i)
    source.tokens[i].text = f'::msl::make<{prefix}vec'
    source.tokens[closing].text = '>>'
