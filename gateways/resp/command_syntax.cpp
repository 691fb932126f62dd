#include "gateways/resp/command_syntax.hpp"

#include <algorithm>
#include <utility>

namespace troupe::resp {

namespace {

std::string_view type_of_letter(char letter) noexcept {
  switch (letter) {
    case 'k': return "key";
    case 'i': return "integer";
    case 'd': return "double";
    case 'p': return "pattern";
    case 'u': return "unix-time";
    default: return {};
  }
}

bool is_token(std::string_view word) noexcept { return !word.empty() && word.front() >= 'A' && word.front() <= 'Z'; }

std::string lower_case(std::string_view word) {
  std::string text(word);
  for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return text;
}

syntax_node group_of(std::string_view type, std::vector<syntax_node> children) {
  syntax_node n;
  n.type = type;
  n.name = children.front().name;
  if (children.size() > 1) n.name.append("-").append(children.back().name);
  n.children = std::move(children);
  return n;
}

class reader {
 public:
  explicit reader(std::string_view text) : rest_(text) {}

  std::vector<syntax_node> sequence() {
    std::vector<syntax_node> items;
    for (skip_spaces(); !rest_.empty() && rest_.front() != '|' && rest_.front() != ']' && rest_.front() != ')';
         skip_spaces())
      items.push_back(item());
    return items;
  }

 private:
  syntax_node item() {
    if (take("[")) {
      auto inner = alternatives("]");
      inner.optional = true;
      return inner;
    }
    if (take("(")) return repeated(alternatives(")"));
    const auto word = take_word();
    if (!is_token(word)) return repeated(value(word));
    skip_spaces();
    const bool alone = rest_.empty() || rest_.front() == '|' || rest_.front() == ']' || rest_.front() == ')' ||
                       rest_.front() == '[' || is_token(rest_);
    syntax_node n;
    if (alone) {
      n.name = lower_case(word);
      n.type = "pure-token";
    } else {
      n = item();
    }
    n.token = word;
    return n;
  }

  syntax_node alternatives(std::string_view end) {
    std::vector<syntax_node> choices;
    do {
      auto items = sequence();
      choices.push_back(items.size() == 1 ? std::move(items.front()) : group_of("block", std::move(items)));
    } while (take("|"));
    (void)take(end);
    return choices.size() == 1 ? std::move(choices.front()) : group_of("oneof", std::move(choices));
  }

  syntax_node repeated(syntax_node n) {
    if (!take("...")) return n;
    n.multiple = true;
    n.multiple_token = take("+");
    return n;
  }

  static syntax_node value(std::string_view word) {
    syntax_node n;
    const auto colon = word.size() > 2 && word[word.size() - 2] == ':' ? word.size() - 2 : word.size();
    n.name = word.substr(0, colon);
    n.type = colon < word.size() ? type_of_letter(word.back()) : std::string_view("string");
    return n;
  }

  std::string_view take_word() {
    std::size_t end = std::min(rest_.find_first_of(" |[]()"), rest_.size());
    const auto dots = rest_.substr(0, end).find("...");
    if (dots != std::string_view::npos) end = dots;
    const auto word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }
  bool take(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }
  void skip_spaces() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

}  // namespace

std::vector<syntax_node> parse_syntax(std::string_view text) { return reader(text).sequence(); }

std::string shown_syntax(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool letter =
        text[i] == ':' && i + 1 < text.size() && !type_of_letter(text[i + 1]).empty() &&
        (i + 2 == text.size() || std::string_view(" |[]().").find(text[i + 2]) != std::string_view::npos);
    if (letter)
      ++i;
    else if (text[i] != '+' || !shown.ends_with("..."))
      shown += text[i];
  }
  return shown;
}

}  // namespace troupe::resp
