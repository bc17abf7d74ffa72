# SPDX-License-Identifier: Apache-2.0
"""A whole .metal file as C++: the shim, the rewritten text in an unnamed namespace (two files may use the same names),
and one typed entry point per host-visible kernel."""
import re

import rewrite
import signatures as collect
from tokens import Source


def translate(preprocessed, path, checked):
    """Returns the C++ text and the host names of its kernels."""
    source = Source(preprocessed, path)
    found = collect.collect(source)
    rewrite.rewrite(source, found)
    name = path.replace('\\', '/').replace('"', '')
    head = ('#include "msl_shim.h"\n'
            'namespace {\n'
            f'[[maybe_unused]] ::msl::Module msl_module{{"{name}", {"true" if checked else "false"}}};\n'
            f'# 1 "{name}"\n')
    tail, host_names = entry_points(found)
    return head + source.body() + '\n# 1 "<glue>"\n' + tail + '}  // namespace\n', host_names


def entry_points(found):
    lines, host_names = [], []
    for n, (index, name) in enumerate(found.constants):
        lines.append(f'MSL_CONSTANT({n}, {index}, {name})\n')
    entries = [(i.host_name, i.expression, found.kernels[re.match(r'[\w:]+', i.expression).group(0).split('::')[-1]])
               for i in found.instantiations]
    entries += [(k.host_name, k.name, k) for k in found.kernels.values() if not k.is_template]
    for n, (host_name, expression, kernel) in enumerate(entries):
        parameters = ', '.join(
            f'{{"{p.name}", ::msl::ParameterKind::{p.kind}, {p.index}, {"true" if p.optional else "false"}}}'
            for p in kernel.parameters)
        kinds = ''.join(f', ::msl::ParameterKind::{p.kind}' for p in kernel.parameters)
        lines.append(f'MSL_KERNEL({n}, "{host_name}", {kernel.max_threads}, ({expression}), ({parameters}){kinds})\n')
        host_names.append(host_name)
    return ''.join(lines), host_names
