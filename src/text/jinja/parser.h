// SPDX-License-Identifier: Apache-2.0
// Tokens to syntax tree, by recursive descent with Jinja2's grammar and precedence. Expressions are in
// parser_expression.cc, statements in parser_statement.cc. Depth is bounded: source text may be hostile.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace marlin::jinja {

class Parser {
 public:
  Parser(std::vector<Token> tokens, std::size_t max_depth) : tokens_(std::move(tokens)), max_depth_(max_depth) {}

  /// The whole template. Throws Failure with the line.
  Block parse();

 private:
  // Statements.
  Body body_until(std::initializer_list<std::string_view> ends);
  Statement statement();
  Statement if_statement();
  Statement for_statement();
  Statement set_statement();
  Statement macro_statement();
  Statement filter_statement();
  Statement with_statement();
  Statement generation_statement();
  Statement loop_control(StatementKind kind);
  Target assign_target();
  Target target_atom();
  std::vector<ExprPtr> block_filters(bool first_without_pipe);
  void end_block(std::string_view name);

  // Expressions, loosest binding first.
  ExprPtr tuple(bool with_conditional);
  ExprPtr expression();
  ExprPtr disjunction();
  ExprPtr conjunction();
  ExprPtr negation();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concatenation();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filters);
  ExprPtr primary();
  ExprPtr name_or_constant();
  ExprPtr number();
  ExprPtr string_constant();
  ExprPtr parenthesized();
  ExprPtr list_literal();
  ExprPtr dict_literal();
  ExprPtr postfix(ExprPtr inner);
  ExprPtr subscript(ExprPtr inner);
  ExprPtr filters_and_tests(ExprPtr inner);
  ExprPtr filter(ExprPtr inner);
  ExprPtr test(ExprPtr inner);
  std::vector<ArgumentExpr> arguments();
  std::string dotted_name();
  ExprPtr binary(Expr node, ExprPtr left, ExprPtr right);
  ExprPtr finish(Expr node);

  // Tokens.
  [[nodiscard]] const Token& now() const { return tokens_[at_]; }
  [[nodiscard]] const Token& next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  Token take();
  bool accept_operator(std::string_view symbol);
  bool accept_name(std::string_view name);
  void expect_operator(std::string_view symbol);
  void expect(TokenKind kind, std::string_view what);
  std::string expect_name();
  [[noreturn]] void unexpected(std::string_view wanted) const;
  [[nodiscard]] Expr node(ExprKind kind) const;

  /// Counts nesting of brackets and blocks while alive.
  class Nesting {
   public:
    explicit Nesting(Parser& parser);
    ~Nesting() { --parser_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    Parser& parser_;
  };

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t max_depth_;
  std::size_t depth_ = 0;
  std::size_t loops_ = 0;                      // for statements round the current place: break and continue need one
  std::vector<std::pair<bool, bool>> macros_;  // of the macros round the current place: mentions varargs, kwargs
};

}  // namespace marlin::jinja
