#include "gateways/resp/reply_items.hpp"

#include <charconv>
#include <cstdint>

namespace troupe::resp {

namespace {

// Takes one line off; its type and the number in it (0 where there is none).
struct line {
  char type = 0;
  std::int64_t number = 0;
};

std::optional<line> take_line(std::string_view& rest) {
  const auto end = rest.find("\r\n");
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  line l;
  l.type = rest.front();
  (void)std::from_chars(rest.data() + 1, rest.data() + end, l.number);
  rest.remove_prefix(end + 2);
  return l;
}

bool skip(std::string_view& rest) {
  for (std::uint64_t open = 1; open != 0; --open) {
    const auto l = take_line(rest);
    if (!l) return false;
    switch (l->type) {
      case '$':
      case '=':
      case '!':
        if (l->number < 0) break;
        if (static_cast<std::uint64_t>(l->number) + 2 > rest.size()) return false;
        rest.remove_prefix(static_cast<std::size_t>(l->number) + 2);
        break;
      case '*':
      case '~':
      case '>':
        if (l->number > 0) open += static_cast<std::uint64_t>(l->number);
        break;
      case '%':
        if (l->number > 0) open += static_cast<std::uint64_t>(l->number) * 2;
        break;
      default: break;
    }
  }
  return true;
}

}  // namespace

std::optional<std::vector<std::string_view>> items_of(std::string_view reply) {
  const auto head = take_line(reply);
  if (!head || head->type != '*' || head->number < 0) return std::nullopt;
  std::vector<std::string_view> items;
  for (std::int64_t i = 0; i < head->number; ++i) {
    const auto before = reply;
    if (!skip(reply)) return std::nullopt;
    items.push_back(before.substr(0, before.size() - reply.size()));
  }
  return items;
}

}  // namespace troupe::resp
