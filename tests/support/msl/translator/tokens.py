# SPDX-License-Identifier: Apache-2.0
"""The token stream of preprocessed MSL text, kept with its '# line' markers so that every message names the .metal line.

Not a parser: the house rules for kernels (docs/metal-testing.md) bound what it has to understand.
"""
import os
import re

TOKEN = re.compile(r'''
  (?P<space>[ \t\r\f]+)
| (?P<string>"(?:\\.|[^"\\])*")
| (?P<char>'(?:\\.|[^'\\])*')
| (?P<number>0[xX][0-9a-fA-F]+[uUlL]*|(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)(?:bf|BF|[uUlLfFhH])*)
| (?P<name>[A-Za-z_]\w*)
| (?P<op>\[\[|\]\]|::|->\*|->|<<=|>>=|<<|<=|>=|==|!=|&&|\|\||\+\+|--|\+=|-=|\*=|/=|%=|&=|\|=|\^=|\.\.\.|.)''', re.X)
MARKER = re.compile(r'#\s*(?:line\s+)?(\d+)\s+"([^"]*)"')


class Refusal(Exception):
    """Text that the translator does not take; the message begins with file:line."""


class Token:
    __slots__ = ('kind', 'text', 'file', 'line')

    def __init__(self, kind, text, file, line):
        self.kind, self.text, self.file, self.line = kind, text, file, line


class Source:
    """A list of tokens with the few searches that the passes share. Positions are indices into `tokens`."""

    def __init__(self, text, path):
        self.tokens = lex(text, path)

    def __len__(self):
        return len(self.tokens)

    def text(self, i):
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ''

    def step(self, i, by=1):
        """The next (or previous) token that is code."""
        i += by
        while 0 <= i < len(self.tokens) and self.tokens[i].kind in ('space', 'newline', 'marker'):
            i += by
        return i

    def next(self, i):
        return self.text(self.step(i))

    def previous(self, i):
        return self.text(self.step(i, -1))

    def is_name(self, i, *texts):
        return 0 <= i < len(self.tokens) and self.tokens[i].kind == 'name' and (not texts or self.tokens[i].text in texts)

    def refuse(self, i, why):
        token = self.tokens[min(max(i, 0), len(self.tokens) - 1)]
        raise Refusal(f'{token.file}:{token.line}: {why}')

    def closing(self, i):
        """The position of the bracket that closes the one at i."""
        opening = self.text(i)
        close = {'(': ')', '{': '}', '[': ']', '[[': ']]'}[opening]
        depth = 0
        for k in range(i, len(self.tokens)):
            if self.text(k) == opening and self.tokens[k].kind == 'op':
                depth += 1
            elif self.text(k) == close and self.tokens[k].kind == 'op':
                depth -= 1
                if depth == 0:
                    return k
        self.refuse(i, f"'{opening}' is never closed")

    def closing_angle(self, i):
        depth = parens = 0
        for k in range(i, len(self.tokens)):
            text = self.text(k)
            parens += (text == '(') - (text == ')')
            if text in ';{' and parens == 0:
                break
            if parens == 0:
                depth += (text == '<') - (text == '>')
                if depth == 0:
                    return k
        self.refuse(i, "'<' is never closed")

    def string(self, begin, end):
        return ''.join(t.text for t in self.tokens[begin:end] if t.kind != 'marker')

    def blank(self, begin, end):
        """Removes code but keeps the line structure."""
        for token in self.tokens[begin:end]:
            if token.kind not in ('newline', 'marker'):
                token.kind, token.text = 'space', ''

    def body(self):
        return ''.join(t.text for t in self.tokens)


def lex(text, path):
    tokens = []
    file, line = path, 1
    for row in text.split('\n'):
        marker = MARKER.match(row)
        if marker:
            file, line = marker.group(2), int(marker.group(1))
            tokens.append(Token('marker', row + '\n', file, line))
            continue
        if not row.startswith('#'):  # a #pragma goes
            for match in TOKEN.finditer(row):
                tokens.append(Token(match.lastgroup, match.group(), file, line))
        tokens.append(Token('newline', '\n', file, line))
        line += 1
    return split_brackets(tokens)


def split_brackets(tokens):
    """']]' closes an attribute only where '[[' opened one; in a[b[i]] it is two brackets."""
    fixed, attributes = [], 0
    for token in tokens:
        if token.text == '[[':
            attributes += 1
        elif token.text == ']]':
            if attributes == 0:
                fixed += [Token('op', ']', token.file, token.line), Token('op', ']', token.file, token.line)]
                continue
            attributes -= 1
        fixed.append(token)
    return fixed


def split_commas(tokens):
    """A parameter or argument list, split at its top-level commas."""
    parts, part, depth = [], [], 0
    for token in tokens:
        if token.kind == 'op':
            depth += (token.text in ('(', '[', '{', '<', '[[')) - (token.text in (')', ']', '}', '>', ']]'))
            if token.text == ',' and depth == 0:
                parts.append(part)
                part = []
                continue
        part.append(token)
    if any(t.kind not in ('space', 'newline', 'marker') for t in part):
        parts.append(part)
    return parts


def declaration_and_attributes(tokens):
    """'uint t [[thread_position_in_grid]]' -> ('uint t', ['thread_position_in_grid'])"""
    text = ''.join(t.text for t in tokens if t.kind != 'marker')
    attributes = [a.strip() for group in re.findall(r'\[\[(.*?)\]\]', text, re.S)
                  for a in re.split(r',(?![^(]*\))', group)]
    return ' '.join(re.sub(r'\[\[.*?\]\]', ' ', text, flags=re.S).split()), attributes


def short(path):
    return os.path.basename(path)
