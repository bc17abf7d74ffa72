// SPDX-License-Identifier: Apache-2.0
// Statements, and how the parser walks its tokens.
#include <algorithm>

#include "text/jinja/failure.h"
#include "text/jinja/parser.h"

namespace marlin::jinja {

Parser::Nesting::Nesting(Parser& parser) : parser_(parser) {
  if (parser.depth_ >= parser.max_depth_) {
    raise_at(parser.now().line, "the template is nested too deeply (limit {} levels)", parser.max_depth_);
  }
  ++parser.depth_;
}

Token Parser::take() {
  Token token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool Parser::accept_operator(std::string_view symbol) {
  if (!now().is_operator(symbol)) return false;
  take();
  return true;
}

bool Parser::accept_name(std::string_view name) {
  if (!now().is_name(name)) return false;
  take();
  return true;
}

void Parser::expect_operator(std::string_view symbol) {
  if (!accept_operator(symbol)) unexpected(fmt::format("'{}'", symbol));
}

void Parser::expect(TokenKind kind, std::string_view what) {
  if (now().kind != kind) unexpected(what);
  take();
}

std::string Parser::expect_name() {
  if (now().kind != TokenKind::kName) unexpected("a name");
  return take().text;
}

void Parser::unexpected(std::string_view wanted) const {
  switch (now().kind) {
    case TokenKind::kEnd:
      raise_at(now().line, "unexpected end of template, expected {}", wanted);
    case TokenKind::kPrintEnd:
      raise_at(now().line, "unexpected '}}}}', expected {}", wanted);
    case TokenKind::kTagEnd:
      raise_at(now().line, "unexpected '%}}', expected {}", wanted);
    default:
      raise_at(now().line, "unexpected '{}', expected {}", now().text.substr(0, 40), wanted);
  }
}

Expr Parser::node(ExprKind kind) const {
  Expr made{};
  made.kind = kind;
  made.line = now().line;
  return made;
}

Block Parser::parse() { return Block{body_until({})}; }

// Statements up to a tag named in `ends`, leaving that name as the current token; with no ends, up to the end of the
// template.
Body Parser::body_until(std::initializer_list<std::string_view> ends) {
  const Nesting nesting(*this);
  Body body;
  while (true) {
    const int line = now().line;
    if (now().kind == TokenKind::kEnd) {
      if (ends.size() > 0) unexpected(fmt::format("{{% {} %}}", *(ends.end() - 1)));
      return body;
    }
    if (now().kind == TokenKind::kText) {
      Statement text{};
      text.kind = StatementKind::kText;
      text.line = line;
      text.text = take().text;
      body.push_back(std::move(text));
    } else if (now().kind == TokenKind::kPrintBegin) {
      take();
      Statement print{};
      print.kind = StatementKind::kPrint;
      print.line = line;
      print.expr = tuple(true);
      expect(TokenKind::kPrintEnd, "end of print statement");
      body.push_back(std::move(print));
    } else {
      expect(TokenKind::kTagBegin, "a tag");
      if (std::find(ends.begin(), ends.end(), now().text) != ends.end() && now().kind == TokenKind::kName) return body;
      body.push_back(statement());
    }
  }
}

Statement Parser::statement() {
  const int line = now().line;
  const std::string name = expect_name();
  Statement made{};
  if (name == "if") {
    made = if_statement();
  } else if (name == "for") {
    made = for_statement();
  } else if (name == "set") {
    made = set_statement();
  } else if (name == "macro") {
    made = macro_statement();
  } else if (name == "filter") {
    made = filter_statement();
  } else if (name == "with") {
    made = with_statement();
  } else if (name == "generation") {
    made = generation_statement();
  } else if (name == "break") {
    made = loop_control(StatementKind::kBreak);
  } else if (name == "continue") {
    made = loop_control(StatementKind::kContinue);
  } else if (name.rfind("end", 0) == 0 || name == "else" || name == "elif") {
    raise_at(line, "unexpected '{}': no open block takes it", name.substr(0, 40));
  } else {
    raise_at(line, "unknown or unsupported tag '{}'", name.substr(0, 40));
  }
  made.line = line;
  expect(TokenKind::kTagEnd, "'%}'");
  return made;
}

void Parser::end_block(std::string_view name) {
  if (!accept_name(name)) unexpected(fmt::format("'{}'", name));
}

Statement Parser::if_statement() {
  Statement made{};
  made.kind = StatementKind::kIf;
  while (true) {
    Branch branch;
    branch.condition = tuple(false);
    expect(TokenKind::kTagEnd, "'%}'");
    branch.body = body_until({"elif", "else", "endif"});
    made.branches.push_back(std::move(branch));
    if (!accept_name("elif")) break;
  }
  if (accept_name("else")) {
    expect(TokenKind::kTagEnd, "'%}'");
    Branch branch;
    branch.body = body_until({"endif"});
    made.branches.push_back(std::move(branch));
  }
  end_block("endif");
  return made;
}

Statement Parser::for_statement() {
  Statement made{};
  made.kind = StatementKind::kFor;
  made.target = assign_target();
  if (!accept_name("in")) unexpected("'in'");
  made.expr = tuple(false);
  if (accept_name("if")) made.condition = expression();
  if (now().is_name("recursive")) raise_at(now().line, "recursive loops are not supported");
  expect(TokenKind::kTagEnd, "'%}'");
  ++loops_;
  made.body = body_until({"else", "endfor"});
  --loops_;
  if (accept_name("else")) {
    expect(TokenKind::kTagEnd, "'%}'");
    made.otherwise = body_until({"endfor"});
  }
  end_block("endfor");
  return made;
}

Target Parser::target_atom() {
  const Nesting nesting(*this);
  if (accept_operator("(")) {
    Target inner = assign_target();
    expect_operator(")");
    return inner;
  }
  Target made;
  const int line = now().line;
  made.name = expect_name();
  constexpr std::string_view kReserved[] = {"true", "false", "none", "True", "False", "None"};
  if (std::find(std::begin(kReserved), std::end(kReserved), made.name) != std::end(kReserved)) {
    raise_at(line, "can't assign to '{}'", made.name);
  }
  if (accept_operator(".")) made.attribute = expect_name();
  return made;
}

Target Parser::assign_target() {
  Target first = target_atom();
  if (!now().is_operator(",")) return first;
  Target tuple_target;
  tuple_target.parts.push_back(std::move(first));
  while (accept_operator(",")) {
    if (now().kind != TokenKind::kName && !now().is_operator("(")) break;
    if (now().is_name("in")) break;
    tuple_target.parts.push_back(target_atom());
  }
  return tuple_target;
}

// Filters that a block's text goes through: `upper|trim` after {% filter, `|upper` after {% set x.
std::vector<ExprPtr> Parser::block_filters(bool first_without_pipe) {
  std::vector<ExprPtr> filters;
  if (first_without_pipe) filters.push_back(filter(nullptr));
  while (accept_operator("|")) filters.push_back(filter(nullptr));
  return filters;
}

Statement Parser::set_statement() {
  Statement made{};
  made.target = assign_target();
  if (accept_operator("=")) {
    made.kind = StatementKind::kSet;
    made.expr = tuple(true);
    return made;
  }
  made.kind = StatementKind::kSetBlock;
  made.filters = block_filters(false);
  expect(TokenKind::kTagEnd, "'=' or '%}'");
  made.body = body_until({"endset"});
  end_block("endset");
  return made;
}

Statement Parser::macro_statement() {
  Statement made{};
  made.kind = StatementKind::kMacro;
  made.text = expect_name();
  expect_operator("(");
  while (!accept_operator(")")) {
    Parameter parameter;
    const int line = now().line;
    parameter.name = expect_name();
    if (accept_operator("=")) {
      parameter.fallback = expression();
    } else if (!made.parameters.empty() && made.parameters.back().fallback != nullptr) {
      raise_at(line, "non-default argument follows default argument");
    }
    made.parameters.push_back(std::move(parameter));
    if (!now().is_operator(")")) expect_operator(",");
  }
  expect(TokenKind::kTagEnd, "'%}'");
  const std::size_t outer_loops = std::exchange(loops_, 0);
  macros_.emplace_back(false, false);
  made.body = body_until({"endmacro"});
  made.takes_rest = macros_.back().first;
  made.takes_named = macros_.back().second;
  macros_.pop_back();
  loops_ = outer_loops;
  end_block("endmacro");
  if (now().kind == TokenKind::kName) take();  // {% endmacro name %}
  return made;
}

Statement Parser::filter_statement() {
  Statement made{};
  made.kind = StatementKind::kFilterBlock;
  made.filters = block_filters(true);
  expect(TokenKind::kTagEnd, "'%}'");
  made.body = body_until({"endfilter"});
  end_block("endfilter");
  return made;
}

Statement Parser::with_statement() {
  Statement made{};
  made.kind = StatementKind::kScope;
  while (now().kind != TokenKind::kTagEnd) {
    Target target = assign_target();
    expect_operator("=");
    made.assignments.emplace_back(std::move(target), expression());
    if (now().kind != TokenKind::kTagEnd) expect_operator(",");
  }
  take();
  made.body = body_until({"endwith"});
  end_block("endwith");
  return made;
}

// Marks the assistant's tokens for training; here it only groups.
Statement Parser::generation_statement() {
  Statement made{};
  made.kind = StatementKind::kScope;
  expect(TokenKind::kTagEnd, "'%}'");
  made.body = body_until({"endgeneration"});
  end_block("endgeneration");
  return made;
}

Statement Parser::loop_control(StatementKind kind) {
  if (loops_ == 0) raise_at(now().line, "break and continue stand only inside a for loop");
  Statement made{};
  made.kind = kind;
  return made;
}

}  // namespace marlin::jinja
