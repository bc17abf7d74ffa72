// SPDX-License-Identifier: Apache-2.0
// The syntax tree: made by the parser, walked by the evaluator, immutable and shared between renderings.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "text/jinja/value.h"

namespace marlin::jinja {

enum class ExprKind : std::uint8_t {
  kConstant,   ///< constant
  kName,       ///< name
  kList,       ///< children
  kTuple,      ///< children
  kDict,       ///< children: key, value, key, value...
  kAttribute,  ///< children[0].name
  kItem,       ///< children[0][children[1]]
  kSlice,      ///< children[0][children[1]:children[2]:children[3]], absent ones null
  kCall,       ///< children[0](arguments)
  kFilter,     ///< children[0]|name(arguments); children[0] is null in a filter block
  kTest,       ///< children[0] is name(arguments)
  kNegate,     ///< -children[0]
  kPlus,       ///< +children[0]
  kNot,        ///< not children[0]
  kAnd,        ///< children[0] and children[1]
  kOr,
  kBinary,       ///< children[0] name children[1], name one of + - * / // % **
  kConcat,       ///< children joined as text
  kCompare,      ///< children[0] operators[0] children[1] operators[1] ...
  kConditional,  ///< children[0] if children[1] else children[2]; the last may be null
};

struct Expr;
using ExprPtr = std::unique_ptr<const Expr>;

/// One argument in a call: `value`, `name=value`, `*value` or `**value`.
struct ArgumentExpr {
  enum class Kind : std::uint8_t { kPositional, kNamed, kSpread, kSpreadNamed };
  Kind kind = Kind::kPositional;
  std::string name;
  ExprPtr value;
};

struct Expr {
  ExprKind kind;
  int line;
  std::size_t depth =
      1;  ///< longest path below; bounded, so that walking and freeing the tree cannot exhaust the stack
  std::string name;
  Value constant;
  std::vector<ExprPtr> children;
  std::vector<ArgumentExpr> arguments;
  std::vector<std::string> operators;
};

/// What `set` and `for` assign to: a name, an attribute of a namespace, or a tuple of targets.
struct Target {
  std::string name;
  std::string attribute;      ///< not empty: name.attribute
  std::vector<Target> parts;  ///< not empty: a tuple
};

enum class StatementKind : std::uint8_t {
  kText,
  kPrint,
  kIf,
  kFor,
  kSet,       ///< target = expr
  kSetBlock,  ///< target = body, through filters
  kMacro,
  kFilterBlock,  ///< body, through filters
  kScope,        ///< with and generation: assignments, then body, in a scope of their own
  kBreak,
  kContinue,
};

struct Statement;
using Body = std::vector<Statement>;

/// One condition of an if statement; null for else.
struct Branch {
  ExprPtr condition;
  Body body;
};

/// One parameter of a macro; `fallback` is null when it has no default.
struct Parameter {
  std::string name;
  ExprPtr fallback;
};

struct Statement {
  StatementKind kind;
  int line;
  std::string text;                                     ///< kText; the name of a kMacro
  ExprPtr expr;                                         ///< kPrint, kSet; what a kFor iterates over
  ExprPtr condition;                                    ///< the filter of a kFor, or null
  Target target;                                        ///< kFor, kSet, kSetBlock
  std::vector<ExprPtr> filters;                         ///< kSetBlock, kFilterBlock, in order
  std::vector<Branch> branches;                         ///< kIf
  std::vector<Parameter> parameters;                    ///< kMacro
  std::vector<std::pair<Target, ExprPtr>> assignments;  ///< kScope
  Body body;
  Body otherwise;            ///< else of a kFor
  bool takes_rest = false;   ///< a kMacro that mentions varargs
  bool takes_named = false;  ///< a kMacro that mentions kwargs
};

/// A whole template.
struct Block {
  Body body;
};

}  // namespace marlin::jinja
