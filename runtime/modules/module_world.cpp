#include "runtime/modules/module_world.hpp"

#include <algorithm>
#include <charconv>

namespace troupe {

namespace {

bool is_plain(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool is_plain(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_plain(c); });
}

// Printable but for what has a meaning here: what a tag of a member may hold.
bool is_shown_as_is(char c) noexcept { return c >= 0x20 && c < 0x7f && c != '%' && c != ';'; }

void put_escaped(std::string& to, std::string_view value) {
  constexpr char digits[] = "0123456789abcdef";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_shown_as_is(c))
      to.push_back(c);
    else
      to.append({'%', digits[byte >> 4], digits[byte & 15]});
  }
}

bool take_escaped(std::string_view text, std::string& into) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      into.push_back(text[i]);
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= text.size()) return false;
    const auto read = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (read.ec != std::errc() || read.ptr != text.data() + i + 3) return false;
    into.push_back(static_cast<char>(byte));
    i += 2;
  }
  return true;
}

void add_member(const member& m, module_world& w) {
  for (const auto& name : m.services) {
    if (name.find('/') != std::string::npos) continue;  // marks of the service entities
    import_source s{m.name, m.address, false, {}};
    if (const auto tag = m.tags.find(std::string(export_tag) + name); tag != m.tags.end())
      s.variables = read_export_variables(tag->second);
    w.elsewhere[name].push_back({std::move(s), m.state == member_state::alive && !m.quarantined});
  }
}

}  // namespace

module_world world_of(const cluster_view& v, const std::vector<std::string>& services) {
  module_world w;
  w.node = v.node;
  for (const auto& s : v.services) {
    if (std::find(services.begin(), services.end(), s.name) == services.end()) continue;
    std::string why;
    if (s.state != service_state::running) {
      why = "is " + std::string(name_of(s.state));
      if (!s.reason.empty()) why.append(": ").append(s.reason);
    }
    w.services[s.name] = std::move(why);
  }
  for (const auto& m : v.members) {
    const bool live = m.state == member_state::alive || m.state == member_state::suspect;
    if (m.id == v.id) {
      w.address = m.address;
    } else if (live && m.name != v.node) {
      w.others = true;
      add_member(m, w);
    }
  }
  for (auto& [name, rows] : w.elsewhere) {
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.source.member < b.source.member; });
  }
  return w;
}

expected<std::string> text_of(const export_variables& v) {
  std::string text;
  for (const auto& [key, value] : v) {
    if (!is_plain(std::string_view(key)))
      return fail(errc::invalid_argument, "a variable's name has letters, digits, . _ or -");
    text.append(text.empty() ? "" : ";").append(key).append("=");
    put_escaped(text, value);
  }
  if (text.size() > export_text_max) {
    return fail(errc::too_large,
                "the variables of an export have more than " + std::to_string(export_text_max) + " bytes");
  }
  return text;
}

export_variables read_export_variables(std::string_view text) {
  export_variables v;
  while (!text.empty()) {
    const auto end = std::min(text.find(';'), text.size());
    const auto piece = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = piece.find('=');
    std::string value;
    if (equals == std::string_view::npos || !is_plain(piece.substr(0, equals))) continue;
    if (take_escaped(piece.substr(equals + 1), value)) v[std::string(piece.substr(0, equals))] = std::move(value);
  }
  return v;
}

}  // namespace troupe
