// SPDX-License-Identifier: Apache-2.0
// Expressions: one function per level of precedence, from conditional down to postfix.
#include <algorithm>
#include <charconv>
#include <limits>

#include "text/jinja/failure.h"
#include "text/jinja/parser.h"

namespace marlin::jinja {

// Computes the depth of a finished node; a chain such as a+b+c+... deepens the tree without recursion of the parser.
ExprPtr Parser::finish(Expr node) {
  for (const ExprPtr& child : node.children) node.depth = std::max(node.depth, child == nullptr ? 0 : child->depth + 1);
  for (const ArgumentExpr& argument : node.arguments) node.depth = std::max(node.depth, argument.value->depth + 1);
  if (node.depth > 2 * max_depth_) raise_at(node.line, "the expression is too long or too deep");
  return std::make_unique<const Expr>(std::move(node));
}

ExprPtr Parser::binary(Expr node, ExprPtr left, ExprPtr right) {
  node.children.push_back(std::move(left));
  node.children.push_back(std::move(right));
  return finish(std::move(node));
}

// a, b, c: a tuple, or the one expression alone.
ExprPtr Parser::tuple(bool with_conditional) {
  Expr made = node(ExprKind::kTuple);
  const auto ends = [this] {
    return now().kind == TokenKind::kPrintEnd || now().kind == TokenKind::kTagEnd || now().is_operator(")") ||
           now().is_operator("=") || now().kind == TokenKind::kEnd;
  };
  bool is_tuple = false;
  while (!ends()) {
    made.children.push_back(with_conditional ? expression() : disjunction());
    if (!accept_operator(",")) break;
    is_tuple = true;
  }
  if (made.children.empty()) unexpected("an expression");
  if (!is_tuple) return std::move(made.children.front());
  return finish(std::move(made));
}

ExprPtr Parser::expression() {
  const Nesting nesting(*this);
  ExprPtr left = disjunction();
  while (now().is_name("if")) {
    Expr made = node(ExprKind::kConditional);
    take();
    made.children.push_back(std::move(left));
    made.children.push_back(disjunction());
    made.children.push_back(accept_name("else") ? expression() : nullptr);
    left = finish(std::move(made));
  }
  return left;
}

ExprPtr Parser::disjunction() {
  ExprPtr left = conjunction();
  while (now().is_name("or")) {
    Expr made = node(ExprKind::kOr);
    take();
    left = binary(std::move(made), std::move(left), conjunction());
  }
  return left;
}

ExprPtr Parser::conjunction() {
  ExprPtr left = negation();
  while (now().is_name("and")) {
    Expr made = node(ExprKind::kAnd);
    take();
    left = binary(std::move(made), std::move(left), negation());
  }
  return left;
}

ExprPtr Parser::negation() {
  if (!now().is_name("not")) return comparison();
  const Nesting nesting(*this);
  Expr made = node(ExprKind::kNot);
  take();
  made.children.push_back(negation());
  return finish(std::move(made));
}

ExprPtr Parser::comparison() {
  constexpr std::string_view kSymbols[] = {"==", "!=", "<", "<=", ">", ">="};
  Expr made = node(ExprKind::kCompare);
  made.children.push_back(sum());
  while (true) {
    const bool symbol = now().kind == TokenKind::kOperator &&
                        std::find(std::begin(kSymbols), std::end(kSymbols), now().text) != std::end(kSymbols);
    if (symbol || now().is_name("in")) {
      made.operators.push_back(take().text);
    } else if (now().is_name("not") && next().is_name("in")) {
      take();
      take();
      made.operators.emplace_back("not in");
    } else {
      break;
    }
    made.children.push_back(sum());
  }
  if (made.operators.empty()) return std::move(made.children.front());
  return finish(std::move(made));
}

ExprPtr Parser::sum() {
  ExprPtr left = concatenation();
  while (now().is_operator("+") || now().is_operator("-")) {
    Expr made = node(ExprKind::kBinary);
    made.name = take().text;
    left = binary(std::move(made), std::move(left), concatenation());
  }
  return left;
}

ExprPtr Parser::concatenation() {
  Expr made = node(ExprKind::kConcat);
  made.children.push_back(product());
  while (accept_operator("~")) made.children.push_back(product());
  if (made.children.size() == 1) return std::move(made.children.front());
  return finish(std::move(made));
}

ExprPtr Parser::product() {
  ExprPtr left = power();
  while (now().is_operator("*") || now().is_operator("/") || now().is_operator("//") || now().is_operator("%")) {
    Expr made = node(ExprKind::kBinary);
    made.name = take().text;
    left = binary(std::move(made), std::move(left), power());
  }
  return left;
}

ExprPtr Parser::power() {
  ExprPtr left = unary(true);
  while (now().is_operator("**")) {
    Expr made = node(ExprKind::kBinary);
    made.name = take().text;
    left = binary(std::move(made), std::move(left), unary(true));
  }
  return left;
}

ExprPtr Parser::unary(bool with_filters) {
  ExprPtr made;
  if (now().is_operator("-") || now().is_operator("+")) {
    const Nesting nesting(*this);
    Expr sign = node(now().is_operator("-") ? ExprKind::kNegate : ExprKind::kPlus);
    take();
    sign.children.push_back(unary(false));
    made = finish(std::move(sign));
  } else {
    made = primary();
  }
  made = postfix(std::move(made));
  return with_filters ? filters_and_tests(std::move(made)) : std::move(made);
}

ExprPtr Parser::primary() {
  switch (now().kind) {
    case TokenKind::kName:
      return name_or_constant();
    case TokenKind::kString:
      return string_constant();
    case TokenKind::kInteger:
    case TokenKind::kReal:
      return number();
    default:
      break;
  }
  const Nesting nesting(*this);
  if (now().is_operator("(")) return parenthesized();
  if (now().is_operator("[")) return list_literal();
  if (now().is_operator("{")) return dict_literal();
  unexpected("an expression");
}

ExprPtr Parser::name_or_constant() {
  Expr made = node(ExprKind::kConstant);
  std::string name = take().text;
  if (name == "true" || name == "True" || name == "false" || name == "False") {
    made.constant = Value::boolean(name == "true" || name == "True");
  } else if (name != "none" && name != "None") {
    made.kind = ExprKind::kName;
    for (auto& [rest, named] : macros_) {
      rest = rest || name == "varargs";
      named = named || name == "kwargs";
    }
    made.name = std::move(name);
  }
  return finish(std::move(made));
}

ExprPtr Parser::number() {
  Expr made = node(ExprKind::kConstant);
  const Token token = take();
  if (token.kind == TokenKind::kReal) {
    made.constant = Value::real(std::strtod(token.text.c_str(), nullptr));
    return finish(std::move(made));
  }
  std::string_view digits = token.text;
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0' && !(digits[1] >= '0' && digits[1] <= '9')) {
    base = digits[1] == 'x' || digits[1] == 'X' ? 16 : digits[1] == 'o' || digits[1] == 'O' ? 8 : 2;
    digits.remove_prefix(2);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    raise_at(token.line, "bad or too large integer '{}'", token.text.substr(0, 40));
  }
  made.constant = Value::integer(value);
  return finish(std::move(made));
}

// Neighbouring literals are one string.
ExprPtr Parser::string_constant() {
  Expr made = node(ExprKind::kConstant);
  std::string text = take().text;
  while (now().kind == TokenKind::kString) text += take().text;
  made.constant = Value::constant(std::move(text));
  return finish(std::move(made));
}

ExprPtr Parser::parenthesized() {
  Expr empty = node(ExprKind::kTuple);
  expect_operator("(");
  if (accept_operator(")")) return finish(std::move(empty));
  ExprPtr inner = tuple(true);
  expect_operator(")");
  return inner;
}

ExprPtr Parser::list_literal() {
  Expr made = node(ExprKind::kList);
  expect_operator("[");
  while (!accept_operator("]")) {
    made.children.push_back(expression());
    if (!now().is_operator("]")) expect_operator(",");
  }
  return finish(std::move(made));
}

ExprPtr Parser::dict_literal() {
  Expr made = node(ExprKind::kDict);
  expect_operator("{");
  while (!accept_operator("}")) {
    made.children.push_back(expression());
    expect_operator(":");
    made.children.push_back(expression());
    if (!now().is_operator("}")) expect_operator(",");
  }
  return finish(std::move(made));
}

ExprPtr Parser::postfix(ExprPtr inner) {
  while (true) {
    if (now().is_operator(".")) {
      Expr made = node(ExprKind::kAttribute);
      take();
      made.children.push_back(std::move(inner));
      if (now().kind == TokenKind::kInteger) {
        made.kind = ExprKind::kItem;
        made.children.push_back(number());
      } else {
        made.name = expect_name();
      }
      inner = finish(std::move(made));
    } else if (now().is_operator("[")) {
      inner = subscript(std::move(inner));
    } else if (now().is_operator("(")) {
      Expr made = node(ExprKind::kCall);
      made.children.push_back(std::move(inner));
      made.arguments = arguments();
      inner = finish(std::move(made));
    } else {
      return inner;
    }
  }
}

ExprPtr Parser::subscript(ExprPtr inner) {
  Expr made = node(ExprKind::kItem);
  made.children.push_back(std::move(inner));
  expect_operator("[");
  const auto bound = [this]() -> ExprPtr {
    return now().is_operator(":") || now().is_operator("]") ? nullptr : expression();
  };
  made.children.push_back(bound());
  if (accept_operator(":")) {
    made.kind = ExprKind::kSlice;
    made.children.push_back(bound());
    made.children.push_back(accept_operator(":") ? bound() : nullptr);
  } else if (made.children.back() == nullptr) {
    unexpected("an expression");
  }
  expect_operator("]");
  return finish(std::move(made));
}

ExprPtr Parser::filters_and_tests(ExprPtr inner) {
  while (true) {
    if (accept_operator("|")) {
      inner = filter(std::move(inner));
    } else if (accept_name("is")) {
      inner = test(std::move(inner));
    } else if (now().is_operator("(")) {
      Expr made = node(ExprKind::kCall);
      made.children.push_back(std::move(inner));
      made.arguments = arguments();
      inner = finish(std::move(made));
    } else {
      return inner;
    }
  }
}

std::string Parser::dotted_name() {
  std::string name = expect_name();
  while (accept_operator(".")) name += "." + expect_name();
  return name;
}

ExprPtr Parser::filter(ExprPtr inner) {
  Expr made = node(ExprKind::kFilter);
  made.children.push_back(std::move(inner));
  made.name = dotted_name();
  if (now().is_operator("(")) made.arguments = arguments();
  return finish(std::move(made));
}

// `is [not] name`, with arguments in brackets or one argument without: `is divisibleby 3`.
ExprPtr Parser::test(ExprPtr inner) {
  constexpr std::string_view kAfter[] = {"else", "or", "and", "if", "is", "not", "in"};
  const bool negated = accept_name("not");
  Expr made = node(ExprKind::kTest);
  made.children.push_back(std::move(inner));
  made.name = dotted_name();
  const bool word =
      now().kind == TokenKind::kName && std::find(std::begin(kAfter), std::end(kAfter), now().text) == std::end(kAfter);
  const bool literal = now().kind == TokenKind::kString || now().kind == TokenKind::kInteger ||
                       now().kind == TokenKind::kReal || now().is_operator("[") || now().is_operator("{");
  if (now().is_operator("(")) {
    made.arguments = arguments();
  } else if (word || literal) {
    ArgumentExpr argument;
    argument.value = postfix(primary());
    made.arguments.push_back(std::move(argument));
  }
  ExprPtr result = finish(std::move(made));
  if (!negated) return result;
  Expr inverse = node(ExprKind::kNot);
  inverse.children.push_back(std::move(result));
  return finish(std::move(inverse));
}

std::vector<ArgumentExpr> Parser::arguments() {
  using Kind = ArgumentExpr::Kind;
  std::vector<ArgumentExpr> out;
  expect_operator("(");
  while (!accept_operator(")")) {
    ArgumentExpr argument;
    if (accept_operator("*")) {
      argument.kind = Kind::kSpread;
    } else if (accept_operator("**")) {
      argument.kind = Kind::kSpreadNamed;
    } else if (now().kind == TokenKind::kName && next().is_operator("=")) {
      argument.kind = Kind::kNamed;
      argument.name = take().text;
      take();
    } else if (!out.empty() && (out.back().kind == Kind::kNamed || out.back().kind == Kind::kSpreadNamed)) {
      raise_at(now().line, "positional argument follows keyword argument");
    }
    argument.value = expression();
    out.push_back(std::move(argument));
    if (!now().is_operator(")")) expect_operator(",");
  }
  return out;
}

}  // namespace marlin::jinja
